"""Verdicts on a posted batch from its committed bytes: what the chain will compute. (SPEC RP-36)

Each check takes a claim, opened under the batch's header, and a witness that anybody may have made.
It answers with a Fault, or None if the claim is right. A witness that does not fit the committed
roots is its maker's error and raises InvalidInput: no witness makes an honest batch wrong (RP-I7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from handfast.crypto.merkle import ZEROS, height, leaf_hash, node_hash, root_from
from handfast.errors import InvalidInput
from handfast.protocol.constants import FINE, FOLD_CHUNK, SCALE, BatchKind
from handfast.reputation.encoding import (
    ClientLeaf,
    Group,
    Malformed,
    ProviderLeaf,
    Row,
    ScoreRow,
    ShardState,
    decode_groups,
    decode_scores,
    encode_sums,
)
from handfast.reputation.rules import (
    Scene,
    Sums,
    add_weights,
    add_worth,
    levy,
    rate,
    rolled_up,
)

Path = tuple[bytes, ...]
NONE = b""
"""The encoding of a leaf that is not there."""


class Fault(NamedTuple):
    """Why a posted batch is not what an honest proposer posts.

    segment   in which it shows; None if in the header or the framing
    """

    reason: str
    segment: int | None = None


class Place(NamedTuple):
    """A leaf's encoding, NONE if there is none, and the path of its place."""

    leaf: bytes
    path: Path


# ---------------------------------------------------------------- trees


def grown(root: bytes, count: int, size: int) -> bytes:
    """Root of a tree of `count` leaves, hashed with zeros to the height of `size`. (RP-15)"""
    for level in range(height(count), height(max(count, size))):
        root = node_hash(root, ZEROS[level])
    return root


def _stands(place: Place, position: int, count: int, root: bytes) -> bool:
    """Whether the place is that of `position` in a tree of `count` leaves."""
    if position >= count or len(place.path) != height(count):
        return False
    node = leaf_hash(place.leaf) if place.leaf else ZEROS[0]
    return root_from(node, position, place.path) == root


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InvalidInput(f"the witness does not fit: {what}")


def _provider_under(
    words: ShardState, root: bytes, provider: int, shards: int, place: Place
) -> ProviderLeaf | None:
    """A provider's leaf under a state root, None if it has none there."""
    _require(words.hash() == root, "the state is another")
    position = provider // shards
    if position >= words.providers and not place.leaf:
        return None
    _require(_stands(place, position, words.providers, words.root), "the provider's leaf")
    return ProviderLeaf.decode(place.leaf) if place.leaf else None


# ---------------------------------------------------------------- a segment


@dataclass(frozen=True, slots=True)
class SegmentClaim:
    """A segment as its batch commits to it. (RP-19, RP-21)

    last         whether it is the batch's last segment
    before       state root before it; `after`: the one that the proposer says it leads to
    registered   the highest id in the registry
    """

    shard: int
    shards: int
    kind: BatchKind
    epoch: int
    last: bool
    segment: bytes
    before: bytes
    after: bytes
    registered: int


class ProviderWitness(NamedTuple):
    """A provider's place, and the place of the client of each of its rows, before the row."""

    place: Place
    clients: tuple[Place, ...] = ()


class SegmentWitness(NamedTuple):
    """What a segment touches, in the order of its groups or score rows, as far as it is read.

    Each place is one in the tree as the rows before it have left it.
    """

    words: ShardState
    providers: tuple[ProviderWitness, ...]


def check_segment(claim: SegmentClaim, witness: SegmentWitness) -> Fault | None:
    """Execute a segment on the leaves of a witness. (RP-23)

    raises   InvalidInput if the witness does not fit
    """
    _require(witness.words.hash() == claim.before, "the state is another")
    execution = _Execution(claim, witness)
    try:
        if claim.kind is BatchKind.OPINIONS:
            for at, group in enumerate(decode_groups(claim.segment)):
                execution.add_group(at, group)
        else:
            for at, row in enumerate(decode_scores(claim.segment, claim.last)):
                execution.add_score(at, row)
    except Malformed as problem:
        return Fault(str(problem))
    if execution.words.hash() != claim.after:
        return Fault("the state root is not what the segment leads to")
    return None


class _Execution:
    """A state of which nothing is known but its words and what the witness shows."""

    def __init__(self, claim: SegmentClaim, witness: SegmentWitness) -> None:
        self.claim = claim
        self.witness = witness
        self.words = witness.words

    def _witness(self, at: int, provider: int) -> ProviderWitness:
        claim = self.claim
        if not 0 < provider <= claim.registered or provider % claim.shards != claim.shard:
            raise Malformed(f"provider {provider} is not registered in this shard")
        _require(at < len(self.witness.providers), "a provider is missing")
        return self.witness.providers[at]

    def _open(self, provider: int, place: Place) -> ProviderLeaf | None:
        position = provider // self.claim.shards
        words = self.words
        count = max(words.providers, position + 1)
        root = grown(words.root, words.providers, count)
        _require(_stands(place, position, count, root), f"the leaf of provider {provider}")
        self.words = words._replace(root=root, providers=count)
        return ProviderLeaf.decode(place.leaf) if place.leaf else None

    def _close(self, provider: int, leaf: ProviderLeaf, path: Path) -> None:
        root = root_from(leaf.hash(), provider // self.claim.shards, path)
        self.words = self.words._replace(root=root)

    def add_score(self, at: int, row: ScoreRow) -> None:
        witness = self._witness(at, row.provider)
        leaf = self._open(row.provider, witness.place)
        if leaf is None or not leaf.is_due:
            raise Malformed(f"provider {row.provider} is not due for a score")
        scored = leaf._replace(score=rolled_up(row.s, row.c), score_epoch=self.claim.epoch)
        self._close(row.provider, scored, witness.place.path)

    def add_group(self, at: int, group: Group) -> None:
        witness = self._witness(at, group.provider)
        leaf = self._open(group.provider, witness.place) or ProviderLeaf()
        for number, row in enumerate(group.rows):
            self._check_row(group.provider, leaf, row)
            _require(number < len(witness.clients), "a client is missing")
            leaf = self._add_row(leaf, row, witness.clients[number])
        self._close(group.provider, leaf, witness.place.path)

    def _check_row(self, provider: int, leaf: ProviderLeaf, row: Row) -> None:
        if row.fee == 0 or row.step == 0:
            raise Malformed("an opinion has no fee or repeats a nonce")
        if not row.newcomer:
            if row.who >= leaf.clients:
                raise Malformed(f"provider {provider} has no client at position {row.who}")
        elif not 0 < row.who <= self.claim.registered or row.who == provider:
            raise Malformed(f"participant {row.who} can't rate provider {provider}")

    def _add_row(self, leaf: ProviderLeaf, row: Row, place: Place) -> ProviderLeaf:
        position = leaf.clients if row.newcomer else row.who
        count = max(leaf.clients, position + 1)
        root = grown(leaf.root, leaf.clients, count)
        _require(_stands(place, position, count, root), "a client's leaf")
        client = ClientLeaf(row.who) if row.newcomer else ClientLeaf.decode(place.leaf)
        pair = rate(client.pair, row.satisfied, row.fee, self.claim.epoch)
        rated = ClientLeaf(client.client, pair, client.nonce + row.step)
        self.words = self.words._replace(
            levy=self.words.levy + levy(row.fee), opinions=self.words.opinions + 1
        )
        return leaf._replace(
            root=root_from(rated.hash(), position, place.path),
            clients=count,
            interactions=leaf.interactions + 1,
            exponent=max(leaf.exponent, pair.exponent),
            opinion_epoch=self.claim.epoch,
        )


# ---------------------------------------------------------------- a client twice


class DuplicateWitness(NamedTuple):
    """Two leaves of one client with one provider, the second put there by the segment.

    before, after            words of the states before and after the segment
    was, is_                 the provider's place under each; `was` may be NONE
    first, second            the client's places after the segment, and their positions
    """

    provider: int
    before: ShardState
    was: Place
    after: ShardState
    is_: Place
    first: Place
    first_position: int
    second: Place
    second_position: int


def check_duplicate(claim: SegmentClaim, witness: DuplicateWitness) -> Fault | None:
    """Whether a segment appended a client who has a leaf already, before it or by it.

    raises   InvalidInput if the witness does not fit
    """
    shards, provider = claim.shards, witness.provider
    was = _provider_under(witness.before, claim.before, provider, shards, witness.was)
    now = _provider_under(witness.after, claim.after, provider, shards, witness.is_)
    clients = []
    for place, position in (
        (witness.first, witness.first_position),
        (witness.second, witness.second_position),
    ):
        fits = now and place.leaf and _stands(place, position, now.clients, now.root)
        _require(bool(fits), "a client's leaf")
        clients.append(ClientLeaf.decode(place.leaf).client)
    arrived = was.clients if was else 0
    apart = witness.first_position < witness.second_position
    if apart and witness.second_position >= arrived and clients[0] == clients[1]:
        return Fault(f"client {clients[0]} of provider {provider} arrives a second time")
    return None


# ---------------------------------------------------------------- a score


@dataclass(frozen=True, slots=True)
class FoldClaim:
    """A score row as its batch commits to it. (RP-18, RP-30)

    before   state root before the row's segment
    folds    root over the fold roots of the batch's rows
    number   of the row in its batch, from 0
    """

    shards: int
    epoch: int
    before: bytes
    folds: bytes
    number: int
    row: ScoreRow


class Partial(NamedTuple):
    """A partial sum and its path under the fold root."""

    sums: Sums
    path: Path


class FoldWitness(NamedTuple):
    """One step of a fold: two neighbouring partial sums, and the clients of a chunk.

    words, place   the state before the row's segment, the provider's place under it
    fold           the row's fold root, and its path under `folds`
    step           0 to m - 1 in the first pass, m to 2m - 1 in the second
    previous       partial sum before it; None at step 0
    clients        leaves of the chunk, from its first position on
    path           of the chunk's subtree under the clients root
    """

    words: ShardState
    place: Place
    fold: bytes
    fold_path: Path
    step: int
    previous: Partial | None
    next: Partial
    clients: tuple[bytes, ...]
    path: Path


class FoldEndWitness(NamedTuple):
    """The last partial sum of a fold."""

    words: ShardState
    place: Place
    fold: bytes
    fold_path: Path
    last: Partial


def check_fold_chunk(claim: FoldClaim, witness: FoldWitness) -> Fault | None:
    """Execute one step of a fold. (RP-30)

    raises   InvalidInput if the witness does not fit
    """
    leaf = _folded_leaf(claim, witness.words, witness.place, witness.fold, witness.fold_path)
    chunks = -(-leaf.clients // FOLD_CHUNK)
    step = witness.step
    _require(0 <= step < 2 * chunks, "the step")
    sums = Sums()
    if step:
        _require(witness.previous is not None, "the partial sum before")
        sums = _partial_under(witness.fold, witness.previous, step - 1, 2 * chunks)
    expected = _partial_under(witness.fold, witness.next, step, 2 * chunks)
    clients = _chunk_under(leaf, step % chunks, witness.clients, witness.path)
    add = add_worth if step < chunks else add_weights
    scene = Scene(leaf.exponent, leaf.interactions, claim.epoch)
    if add(sums, [client.pair for client in clients], scene) != expected:
        return Fault(f"step {step} of the score of provider {claim.row.provider}")
    return None


def check_fold_end(claim: FoldClaim, witness: FoldEndWitness) -> Fault | None:
    """Compare a row with the end of its fold. (RP-28)

    raises   InvalidInput if the witness does not fit
    """
    leaf = _folded_leaf(claim, witness.words, witness.place, witness.fold, witness.fold_path)
    steps = 2 * -(-leaf.clients // FOLD_CHUNK)
    sums = _partial_under(witness.fold, witness.last, steps - 1, steps)
    # Not `neutral`: a cheat's sums may be no levels at all, and a verdict never fails.
    s, c = (sums.s // sums.weight, sums.c // sums.weight) if sums.weight else (0, FINE)
    if (s * SCALE // FINE, c * SCALE // FINE) != (claim.row.s, claim.row.c):
        return Fault(f"provider {claim.row.provider} has another score")
    return None


def _folded_leaf(
    claim: FoldClaim, words: ShardState, place: Place, fold: bytes, path: Path
) -> ProviderLeaf:
    _require(root_from(leaf_hash(fold), claim.number, path) == claim.folds, "the fold root")
    leaf = _provider_under(words, claim.before, claim.row.provider, claim.shards, place)
    if leaf is None:
        raise InvalidInput("the witness does not fit: the provider has no leaf")
    return leaf


def _partial_under(root: bytes, partial: Partial | None, step: int, steps: int) -> Sums:
    if partial is None:
        raise InvalidInput("the witness does not fit: a partial sum is missing")
    place = Place(encode_sums(partial.sums), partial.path)
    _require(_stands(place, step, steps, root), "a partial sum")
    return partial.sums


def _chunk_under(
    leaf: ProviderLeaf, chunk: int, clients: tuple[bytes, ...], path: Path
) -> list[ClientLeaf]:
    """The clients of a chunk: all of them, as one subtree under the clients root."""
    expected = min(FOLD_CHUNK, leaf.clients - chunk * FOLD_CHUNK)
    _require(len(clients) == expected, "the clients of the chunk")
    levels = min(height(FOLD_CHUNK), height(leaf.clients))
    nodes = [leaf_hash(encoding) for encoding in clients]
    for level in range(levels):
        nodes += [ZEROS[level]] * (len(nodes) & 1)
        nodes = [node_hash(*nodes[at : at + 2]) for at in range(0, len(nodes), 2)]
    _require(len(path) == height(leaf.clients) - levels, "the path of the chunk")
    _require(root_from(nodes[0], chunk, path) == leaf.root, "the clients of the chunk")
    return [ClientLeaf.decode(encoding) for encoding in clients]


# ---------------------------------------------------------------- a header


class WordsWitness(NamedTuple):
    """The words under the state roots before and after a batch."""

    before: ShardState
    after: ShardState


def check_levy(levied: int, before: bytes, after: bytes, witness: WordsWitness) -> Fault | None:
    """Compare a header's levy with what its batch adds to the state's. (RP-20)

    raises   InvalidInput if the witness does not fit
    """
    fits = (witness.before.hash(), witness.after.hash()) == (before, after)
    _require(fits, "the state is another")
    if witness.after.levy - witness.before.levy != levied:
        return Fault("the levy is not the sum over the batch")
    return None


def check_omission(
    provider: int, shards: int, root: bytes, words: ShardState, place: Place
) -> Fault | None:
    """Whether a provider is still due in the state that closes an epoch. (RP-30)

    raises   InvalidInput if the witness does not fit
    """
    leaf = _provider_under(words, root, provider, shards, place)
    if leaf is not None and leaf.is_due:
        return Fault(f"provider {provider} is due and was left out")
    return None

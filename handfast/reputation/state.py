"""The roll-up's state of one shard, and what a segment does to it. (SPEC RP-10 to RP-15, RP-23)

`batches` builds and replays whole batches on it. Pure: no clock, no randomness, no IO. An opinion
costs O(log clients of its provider).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from handfast.crypto.merkle import ZEROS, MerkleTree
from handfast.errors import InvalidInput, InvariantBroken
from handfast.protocol.constants import FOLD_CHUNK
from handfast.reputation.encoding import (
    ClientLeaf,
    Group,
    Malformed,
    ProviderLeaf,
    Row,
    ScoreRow,
    ShardState,
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


class ClientChange(NamedTuple):
    """A client's leaf as it was; None if it arrived."""

    provider: int
    position: int
    before: ClientLeaf | None


class ProviderChange(NamedTuple):
    """A provider's leaf as it was; None if there was none."""

    provider: int
    before: ProviderLeaf | None


Change = ClientChange | ProviderChange


class ScoreProof(NamedTuple):
    """A provider's leaf under a state root: the words of the root, the leaf, its path. (RP-31)"""

    state: ShardState
    leaf: ProviderLeaf
    path: tuple[bytes, ...]


class _Provider:
    """A provider's leaf with its clients behind it."""

    __slots__ = ("clients", "leaf", "position_of", "tree")

    def __init__(self) -> None:
        self.leaf = ProviderLeaf()
        self.clients: list[ClientLeaf] = []
        self.position_of: dict[int, int] = {}
        self.tree = MerkleTree()

    @property
    def is_whole(self) -> bool:
        """Whether the clients are those of the leaf."""
        return (self.tree.root, len(self.clients)) == self.leaf[:2]

    def put(self, position: int, client: ClientLeaf) -> None:
        """Write a client's leaf, behind the last or over another."""
        if position == len(self.clients):
            self.clients.append(client)
            self.position_of.setdefault(client.client, position)
            self.tree.append(client.hash())
        else:
            self.clients[position] = client
            self.tree.update(position, client.hash())

    def remove_last(self) -> None:
        client = self.clients.pop().client
        self.tree.truncate(len(self.clients))
        if self.position_of[client] == len(self.clients):
            del self.position_of[client]


class State:
    """All providers of one shard and their clients.

    shard, shards   this one, of so many
    """

    __slots__ = ("_levy", "_opinions", "_providers", "_tree", "shard", "shards")

    def __init__(self, shard: int = 0, shards: int = 1) -> None:
        if not 0 <= shard < shards:
            raise InvalidInput(f"there is no shard {shard} of {shards}")
        self.shard = shard
        self.shards = shards
        self._levy = 0
        self._opinions = 0
        self._providers: dict[int, _Provider] = {}
        self._tree = MerkleTree()

    @classmethod
    def restore(
        cls,
        words: ShardState,
        shards: int,
        providers: Iterable[tuple[int, ProviderLeaf]],
        clients: Iterable[tuple[int, ClientLeaf]],
    ) -> State:
        """Build the state that has these leaves, as `providers` and `clients` gave them.

        clients   with their provider's id, those of a provider in the order of their positions
        raises    InvariantBroken if the leaves don't lead to the state's root
        """
        state = cls(words.shard, shards)
        for provider, leaf in providers:
            state._providers[provider] = known = _Provider()
            known.leaf = leaf
            state._put_leaf(provider, leaf)
        for provider, client in clients:
            known = state._known(provider)
            known.put(len(known.clients), client)
        state._levy = words.levy
        state._opinions = words.opinions
        for provider, known in state._providers.items():
            if not known.is_whole:
                raise InvariantBroken(f"clients of provider {provider} are not those of its leaf")
        if state.words != words:
            raise InvariantBroken("the providers are not those of the state")
        return state

    # ------------------------------------------------------------ reading

    @property
    def words(self) -> ShardState:
        """What the state root is the hash of. (RP-14)"""
        return ShardState(self.shard, self._tree.root, len(self._tree), self._levy, self._opinions)

    @property
    def root(self) -> bytes:
        """The state root."""
        return self.words.hash()

    def providers(self) -> Iterator[tuple[int, ProviderLeaf]]:
        """Every provider that has a leaf, with it."""
        return ((provider, known.leaf) for provider, known in self._providers.items())

    def clients(self) -> Iterator[tuple[int, ClientLeaf]]:
        """Every client of every provider, those of one in the order of their positions."""
        for provider, known in self._providers.items():
            for client in known.clients:
                yield provider, client

    def provider(self, provider: int) -> ProviderLeaf | None:
        """A provider's leaf, if it has one."""
        known = self._providers.get(provider)
        return known.leaf if known else None

    def leaf(self, provider: int) -> ProviderLeaf:
        """A provider's leaf.

        raises   InvalidInput if it has none
        """
        return self._known(provider).leaf

    def client_at(self, provider: int, position: int) -> ClientLeaf:
        """The leaf of the client at a position with a provider.

        raises   InvalidInput if there is none
        """
        clients = self._known(provider).clients
        if not 0 <= position < len(clients):
            raise InvalidInput(f"provider {provider} has no client at position {position}")
        return clients[position]

    def client(self, provider: int, client: int) -> tuple[int, ClientLeaf] | None:
        """A client's position with a provider and its leaf, if it has rated it."""
        known = self._providers.get(provider)
        if known is None or client not in known.position_of:
            return None
        position = known.position_of[client]
        return position, known.clients[position]

    def last_nonce(self, provider: int, client: int) -> int:
        """Nonce of the pair's newest opinion, 0 if there is none."""
        found = self.client(provider, client)
        return found[1].nonce if found else 0

    def due(self) -> list[int]:
        """Ids of the providers with opinions since their last score, in order. (RP-30)"""
        return sorted(id_ for id_, known in self._providers.items() if known.leaf.is_due)

    # ------------------------------------------------------------ proving

    def prove_score(self, provider: int) -> ScoreProof:
        """A provider's leaf and its path. (RP-31)

        raises   InvalidInput if it has no leaf
        """
        leaf = self._known(provider).leaf
        return ScoreProof(self.words, leaf, self._tree.path(provider // self.shards))

    def prove_clients(self, provider: int) -> tuple[ClientLeaf, ...]:
        """All clients of a provider, whose tree's root stands in its leaf. (RP-29)

        raises   InvalidInput if it has no leaf
        """
        return tuple(self._known(provider).clients)

    def provider_path(self, provider: int) -> tuple[bytes, ...]:
        """Path of a provider's place in the tree as it is once the place is there. (RP-15)"""
        return _path(self._tree, provider // self.shards)

    def client_path(self, provider: int, position: int) -> tuple[bytes, ...]:
        """Path of a client's place in its provider's tree once the place is there. (RP-15)"""
        known = self._providers.get(provider)
        return _path(known.tree if known else MerkleTree(), position)

    # ------------------------------------------------------------ scores

    def fold(self, provider: int, epoch: int) -> tuple[Sums, ...]:
        """Partial sums of a provider's score: one per chunk, in two passes. (RP-30)

        raises   InvalidInput if it has no leaf
        """
        known = self._known(provider)
        scene = Scene(known.leaf.exponent, known.leaf.interactions, epoch)
        pairs = [client.pair for client in known.clients]
        chunks = [pairs[at : at + FOLD_CHUNK] for at in range(0, len(pairs), FOLD_CHUNK)]
        sums = Sums()
        partial = []
        for step in (add_worth, add_weights):
            for chunk in chunks:
                sums = step(sums, chunk, scene)
                partial.append(sums)
        return tuple(partial)

    # ------------------------------------------------------------ changing

    def add_opinions(
        self,
        groups: Sequence[Group],
        epoch: int,
        registered: int,
        changes: list[Change],
        duplicates: bool = False,
    ) -> None:
        """Execute a segment of opinions, which may be a cheat's. (RP-23)

        registered   the highest id in the registry
        changes      grows by what undoes it
        duplicates   let a client arrive a second time, as a cheat's state has it
        raises       Malformed at what no state or not this one allows; what came before it stays
        """
        for group in groups:
            self._check_provider(group.provider, registered)
            self._add_group(group, epoch, registered, changes, duplicates)

    def _add_group(
        self,
        group: Group,
        epoch: int,
        registered: int,
        changes: list[Change],
        duplicates: bool,
    ) -> None:
        provider, rows = group
        known = self._providers.get(provider)
        if known and epoch < known.leaf.opinion_epoch:
            raise Malformed(f"epoch {epoch} is before the newest opinion on {provider}")
        changes.append(ProviderChange(provider, known.leaf if known else None))
        if known is None:
            self._providers[provider] = known = _Provider()
        exponent = known.leaf.exponent
        for row in rows:
            position, client = _place(known, provider, row, registered)
            arrives = position == len(known.clients)
            if arrives and client.client in known.position_of and not duplicates:
                raise Malformed(f"client {client.client} of {provider} arrives a second time")
            changes.append(ClientChange(provider, position, None if arrives else client))
            pair = rate(client.pair, row.satisfied, row.fee, epoch)
            known.put(position, ClientLeaf(client.client, pair, client.nonce + row.step))
            exponent = max(exponent, pair.exponent)
            self._levy += levy(row.fee)
            self._opinions += 1
        known.leaf = known.leaf._replace(
            root=known.tree.root,
            clients=len(known.clients),
            interactions=known.leaf.interactions + len(rows),
            exponent=exponent,
            opinion_epoch=epoch,
        )
        self._put_leaf(provider, known.leaf)

    def add_scores(self, rows: Sequence[ScoreRow], epoch: int, changes: list[Change]) -> None:
        """Write a segment of score rows, whether or not they are right. (RP-23)

        changes   grows by what undoes it
        raises    Malformed at a provider that is not due; what came before it stays
        """
        for provider, s, c in rows:
            self.check_due(provider, epoch)
            known = self._known(provider)
            changes.append(ProviderChange(provider, known.leaf))
            known.leaf = known.leaf._replace(score=rolled_up(s, c), score_epoch=epoch)
            self._put_leaf(provider, known.leaf)

    def check_due(self, provider: int, epoch: int) -> None:
        """Check that a provider is to be scored at the end of an epoch.

        raises   Malformed if it is not
        """
        known = self._providers.get(provider)
        if known is None or not known.leaf.is_due or epoch < known.leaf.opinion_epoch:
            raise Malformed(f"provider {provider} is not due for a score")

    def undo(self, before: ShardState, changes: Sequence[Change]) -> None:
        """Take back the newest changes.

        before   the state's words before them
        raises   InvariantBroken if they were not the newest
        """
        for change in reversed(changes):
            known = self._known(change.provider)
            if isinstance(change, ClientChange):
                if change.before is None:
                    known.remove_last()
                else:
                    known.put(change.position, change.before)
            elif change.before is None:
                del self._providers[change.provider]
                self._tree.update(change.provider // self.shards, ZEROS[0])
            else:
                known.leaf = change.before
                self._put_leaf(change.provider, change.before)
        self._tree.truncate(before.providers)
        self._levy = before.levy
        self._opinions = before.opinions
        touched = {change.provider for change in changes} & self._providers.keys()
        if self.words != before or not all(self._providers[id_].is_whole for id_ in touched):
            raise InvariantBroken("changes were undone that were not the newest")

    # ------------------------------------------------------------ internals

    def _known(self, provider: int) -> _Provider:
        known = self._providers.get(provider)
        if known is None:
            raise InvalidInput(f"provider {provider} has no leaf")
        return known

    def _check_provider(self, provider: int, registered: int) -> None:
        if not 0 < provider <= registered or provider % self.shards != self.shard:
            raise Malformed(f"provider {provider} is not registered in this shard")

    def _put_leaf(self, provider: int, leaf: ProviderLeaf) -> None:
        position = provider // self.shards
        for _ in range(len(self._tree), position + 1):
            self._tree.append(ZEROS[0])
        self._tree.update(position, leaf.hash())


def _place(known: _Provider, provider: int, row: Row, registered: int) -> tuple[int, ClientLeaf]:
    """Where a row's client stands, and its leaf before the row."""
    if row.fee == 0 or row.step == 0:
        raise Malformed("an opinion has no fee or repeats a nonce")
    if not row.newcomer:
        if row.who >= len(known.clients):
            raise Malformed(f"provider {provider} has no client at position {row.who}")
        return row.who, known.clients[row.who]
    if not 0 < row.who <= registered or row.who == provider:
        raise Malformed(f"participant {row.who} can't rate provider {provider}")
    return len(known.clients), ClientLeaf(row.who)


def _path(tree: MerkleTree, position: int) -> tuple[bytes, ...]:
    count = len(tree)
    for _ in range(count, position + 1):
        tree.append(ZEROS[0])
    path = tree.path(position)
    tree.truncate(count)
    return path

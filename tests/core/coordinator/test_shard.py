"""A coordinator's view of a shard beside a model of the chain, whatever happens between them.

The model is a list of blocks with the checks that `ReputationRollup` makes. Other proposers post
too, the chain re-orders, transactions are refused or copied, and the process is killed and resumes
from its rows at any moment. (CO-4, CO-11, RP-9, RP-22, RP-33, RP-34, PR-10, PR-12)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handfast.coordinator.ledger import Arrival, Verdict
from handfast.coordinator.rules import Pace, Tip, due_batch
from handfast.coordinator.shard import BatchRow, Built, Shard, Sighting, Status
from handfast.protocol.constants import MAX_NONCE_STEP, BatchKind
from handfast.reputation.batches import (
    Batch,
    Entry,
    Posted,
    apply_opinions,
    apply_scores,
    replay,
)
from handfast.reputation.encoding import ClientLeaf, Header, ProviderLeaf, ShardState
from handfast.reputation.state import State

REGISTERED = 6
PACE = Pace(count=4, age=1.0, rows=1)
OWN, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20
EPOCH = 4
"""Blocks of an epoch in the model; a block is a second."""


@dataclass
class Chain:
    """Blocks; a block holds a posted batch, an index made final, both or nothing."""

    blocks: list[tuple[Sighting | None, int]] = field(default_factory=list)
    salt: int = 0

    def sightings(self) -> list[Sighting]:
        return [sighting for sighting, _ in self.blocks if sighting is not None]

    @property
    def tip(self) -> Tip:
        found = self.sightings()
        if not found:
            return Tip()
        header = found[-1].header
        return Tip(header.index, header.hash(), header.kind, header.epoch, header.closes)

    @property
    def final(self) -> int:
        return max([index for _, index in self.blocks], default=0)

    @property
    def epoch(self) -> int:
        return 1 + len(self.blocks) // EPOCH

    def mine(self, sighting: Sighting | None = None, final: int = 0) -> None:
        self.blocks.append((sighting, final))

    def post(self, batch: Batch, previous: bytes, archive: bytes, proposer: str) -> bool:
        """Mine a post, if the contract takes it."""
        tip, present = self.tip, self.epoch
        if previous != tip.hash:
            return False
        if batch.kind is BatchKind.OPINIONS:
            follows = tip.kind is BatchKind.ABSENT or (
                batch.epoch == tip.epoch
                if tip.kind is BatchKind.OPINIONS
                else tip.closes and batch.epoch > tip.epoch
            )
            if not follows or batch.epoch not in {present, present - 1} or batch.epoch == 0:
                return False
        elif batch.epoch >= present or tip.closes or batch.epoch != tip.epoch:
            return False
        # A block that is mined again has another time.
        posted_at = len(self.blocks) + 1000 * self.salt
        header = batch.header(tip.index + 1, previous, posted_at, proposer, archive)
        self.mine(Sighting(header, header.hash(), len(self.blocks) + 1, batch.data))
        return True


@dataclass
class Kept:
    """What a store holds: what a process that is killed resumes from."""

    rows: dict[int, BatchRow] = field(default_factory=dict)
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    base: Tip = field(default_factory=Tip)
    base_block: int = 0
    words: ShardState = field(default_factory=lambda: ShardState(0))
    providers: dict[int, ProviderLeaf] = field(default_factory=dict)
    clients: dict[tuple[int, int], ClientLeaf] = field(default_factory=dict)
    height: int = 0

    def keep(self, rows: list[BatchRow]) -> None:
        self.rows.update({row.id: row for row in rows})


class ShardBesideChain(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.chain = Chain()
        self.kept = Kept()
        self.shard = Shard(State(), State())
        self.sent: list[tuple[Built, bytes]] = []
        self.ids = 0
        self.seen: list[tuple[Sighting | None, int]] = []
        self.settled = 0
        self.anew = False

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    # ------------------------------------------------------------ our side

    @rule(provider=st.integers(1, 2), client=st.integers(3, 5), nonce=st.integers(1, 300))
    def an_opinion_arrives(self, provider: int, client: int, nonce: int) -> None:
        entry = Entry(provider, client, nonce, 5, nonce % 2 == 0)
        if self.shard.ledger.judge(entry) is Verdict.ACCEPTED:
            arrival = Arrival(len(self.kept.arrivals) + 1, entry)
            self.kept.arrivals[arrival.number] = arrival
            self.shard.ledger.put(arrival)

    @precondition(lambda self: self.shard.built is None)
    @rule(dies=st.booleans())
    def a_batch_is_built_and_sent(self, dies: bool) -> None:
        due = due_batch(self.shard.tip, self.chain.epoch, len(self.shard.ledger), 2.0, PACE)
        if due is None:
            return
        built = self.shard.build(self.next_id(), due, REGISTERED, PACE)
        if built is None:
            return
        if dies:  # before it was kept
            self.resume()
            return
        row = self.shard.archived(built.id, bytes([built.id % 256]) * 32)
        assert row is not None
        self.kept.keep([row])
        self.sent.append((replace(built, archive=row.archive), built.previous))

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 10), copied=st.booleans())
    def a_sent_transaction_is_mined(self, pick: int, copied: bool) -> None:
        """In any order, more than once, or copied by somebody else: it reverts or it stands."""
        built, previous = self.sent[pick % len(self.sent)]
        proposer = OTHER if copied else OWN
        if not self.chain.post(built.batch, previous, built.archive, proposer):
            self.chain.mine()
            if not copied and self.caught_up():
                self.kept.keep(self.shard.refused(built.id))

    @rule()
    def the_process_is_killed(self) -> None:
        self.resume()

    # ------------------------------------------------------------ the chain's side

    @rule(
        entries=st.lists(
            st.tuples(st.integers(1, 2), st.integers(3, 5), st.integers(1, 3)), max_size=3
        ),
        closes=st.booleans(),
    )
    def another_proposer_posts(self, entries: list[tuple[int, int, int]], closes: bool) -> None:
        """It may score everybody and not close the epoch."""
        state = self.replayed()
        tip, present = self.chain.tip, self.chain.epoch
        due = due_batch(tip, present, len(entries), 2.0, PACE)
        if due is None:
            return
        if due.kind is BatchKind.SCORES:
            scores = apply_scores(state, due.epoch)
            batch = replace(scores, closes=closes and scores.closes)
        else:
            chosen = [
                Entry(provider, client, state.last_nonce(provider, client) + step, 5, True)
                for provider, client, step in {(e[0], e[1]): e for e in entries}.values()
            ]
            batch = apply_opinions(state, chosen, due.epoch, REGISTERED)
        self.chain.post(batch, tip.hash, bytes(32), OTHER)

    @rule(blocks=st.integers(1, EPOCH))
    def time_passes(self, blocks: int) -> None:
        for _ in range(blocks):
            self.chain.mine()

    @precondition(lambda self: self.chain.final < self.chain.tip.index)
    @rule()
    def a_batch_becomes_final(self) -> None:
        self.chain.mine(final=self.chain.final + 1)

    @rule(depth=st.integers(1, 6), whole=st.integers(0, 9))
    def the_chain_is_reorganised(self, depth: int, whole: int) -> None:
        """Now and then all of it, below what was taken for good."""
        keep = 0 if whole == 0 else max(len(self.chain.blocks) - depth, 0)
        del self.chain.blocks[keep:]
        self.chain.salt += 1

    # ------------------------------------------------------------ what the process sees

    def caught_up(self) -> bool:
        return self.seen == self.chain.blocks

    @rule()
    def the_process_looks(self) -> None:
        common = 0
        for before, now in zip(self.seen, self.chain.blocks, strict=False):
            if before != now:
                break
            common += 1
        if common < len(self.seen):
            if self.shard.can_undo(common, REGISTERED):
                self.kept.keep(self.shard.rolled_back(common))
            else:
                common = 0
                self.begin_anew()
            del self.seen[common:]
        for height, block in enumerate(self.chain.blocks[common:], common + 1):
            sighting, final = block
            if sighting is not None:
                self.kept.keep(self.shard.posted(self.next_id(), sighting, REGISTERED))
            if final:
                self.kept.keep(self.shard.finalised(final, height, REGISTERED))
            self.seen.append(block)
        self.kept.height = len(self.seen)
        if self.anew:
            self.anew = False
            self.refill()

    def begin_anew(self) -> None:
        """CO-11: only opinions are kept, and which ids were used."""
        self.anew = True
        self.settled = 0
        self.shard.begin_anew()
        kept = self.kept
        gone = {"status": Status.DROPPED, "place": None, "final_block": 0}
        kept.rows = {id_: replace(row, **gone) for id_, row in kept.rows.items()}
        kept.base, kept.base_block, kept.words = Tip(), 0, ShardState(0)
        kept.providers.clear()
        kept.clients.clear()

    @rule(depth=st.integers(0, 3))
    def deep_batches_are_settled(self, depth: int) -> None:
        block = len(self.seen) - depth
        if self.seen[: max(block, 0)] != self.chain.blocks[: max(block, 0)]:
            return  # the process is about to be told that they are not deep at all
        for settled in self.shard.settle(block):
            self.settled = max(self.settled, block)
            self.kept.base, self.kept.base_block = settled.tip, settled.block
            self.kept.words = settled.words
            self.kept.providers.update(settled.providers)
            self.kept.clients.update(settled.clients)

    def resume(self) -> None:
        kept = self.kept
        clients = [(each[0], leaf) for each, leaf in sorted(kept.clients.items())]
        newest, final = (
            State.restore(kept.words, 1, sorted(kept.providers.items()), clients) for _ in range(2)
        )
        self.shard = Shard(newest, final, kept.base, kept.base_block)
        live = [
            row
            for row in kept.rows.values()
            if row.status is not Status.DROPPED
            and (row.place is None or row.place.index > kept.base.index)
        ]
        live.sort(key=lambda row: row.place.index if row.place else 0)
        kept.keep(self.shard.resume(live, kept.arrivals, REGISTERED))
        self.refill()

    def refill(self) -> None:
        """Have wait what is in no batch."""
        for arrival in self.kept.arrivals.values():
            if self.shard.ledger.judge(arrival.entry) is not Verdict.KNOWN:
                self.shard.ledger.put(arrival)

    # ------------------------------------------------------------ what always holds

    def replayed(self) -> State:
        """The state that the chain's batches lead to."""
        state = State()
        for sighting in self.chain.sightings():
            self.replay(state, sighting.header, sighting.data)
        return state

    def replay(self, state: State, header: Header, data: bytes) -> None:
        found = [
            each for each in self.chain.sightings() if each.header == header and each.data == data
        ]
        assert found
        batch = replay(state, posted_of(header, data), REGISTERED)
        assert isinstance(batch, Batch)

    @invariant()
    def the_newest_state_is_the_chains_with_what_is_built_on_it(self) -> None:
        if not self.caught_up():
            return
        state = self.replayed()
        if self.shard.built is not None:
            assert isinstance(replay(state, self.shard.built.batch.posted, REGISTERED), Batch)
        assert self.shard.newest.root == state.root
        assert self.shard.tip == self.chain.tip

    @invariant()
    def the_final_state_is_that_of_the_final_batch(self) -> None:
        if not self.caught_up():
            return
        state = State()
        for sighting in self.chain.sightings()[: self.chain.final]:
            self.replay(state, sighting.header, sighting.data)
        assert self.shard.final.root == state.root
        assert self.shard.final_tip.index == self.chain.final

    @invariant()
    def every_accepted_opinion_waits_is_built_or_was_overtaken(self) -> None:
        if not self.caught_up():
            return
        newest = self.shard.newest
        missing = [
            arrival
            for arrival in self.kept.arrivals.values()
            if arrival.entry.nonce > newest.last_nonce(*arrival.pair)
        ]
        assert set(self.shard.ledger.arrivals) == set(missing)

    def teardown(self) -> None:
        """Left alone, the coordinator brings every opinion to the chain that can be brought."""
        if not hasattr(self, "shard"):
            return
        self.the_process_looks()
        for _ in range(400):
            built = self.shard.built
            if built is None:
                self.a_batch_is_built_and_sent(dies=False)
                built = self.shard.built
            if built is None:
                if not len(self.shard.ledger):
                    break
                self.chain.mine()
            elif not self.chain.post(built.batch, built.previous, built.archive, OWN):
                self.kept.keep(self.shard.refused(built.id))
                self.chain.mine()
            self.the_process_looks()
        assert not len(self.shard.ledger)
        aside = {arrival.pair: arrival for arrival in reversed([*self.shard.ledger.arrivals])}
        for pair, arrival in aside.items():
            # Only what another's batch had made room for, and that batch is gone.
            assert arrival.entry.nonce - self.shard.newest.last_nonce(*pair) > MAX_NONCE_STEP
        self.the_newest_state_is_the_chains_with_what_is_built_on_it()


def posted_of(header: Header, data: bytes) -> Posted:
    return Posted(header.kind, header.epoch, header.closes, header.levy, header.folds, data)


TestShardBesideChain = ShardBesideChain.TestCase
TestShardBesideChain.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
)

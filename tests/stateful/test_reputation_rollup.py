"""The roll-up's contract against its state in Python: two proposers, two shards, any order.

(SPEC RP-I1 to RP-I6 and the forbidden transitions of Reputation)
"""

from __future__ import annotations

from typing import Any

from brownie import MarketToken, ReputationRollup, accounts, chain
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from handfast.protocol.constants import FEE_UNIT, SCALE, TOKEN_SUPPLY, BatchKind
from tests.campaign import examples
from tests.chain import plain, reverts
from tests.rollups import BOND, NOTHING, REGISTERED, WINDOW, Town, to_next_epoch

SHARDS = 2
SHORT, LONG = 150, 1_200
drawn_rows = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(7, REGISTERED),
        st.integers(1, 255),
        st.integers(1, 10**6),
        st.booleans(),
    ),
    min_size=1,
    max_size=45,
)


shards = st.integers(0, SHARDS - 1)
whose = st.integers(0, 1)
amounts = st.integers(0, 3 * BOND)


class Rollup(RuleBasedStateMachine):
    """What each proposer has, what each shard's batches were, and where its final state is."""

    token: Any
    rollup: Any

    def __init__(self) -> None:
        chain.revert()
        super().__init__()
        self.proposers = [accounts[3], accounts[4]]
        self.towns = [Town(self.rollup, self.token, None, shard) for shard in range(SHARDS)]
        self.free = dict.fromkeys(self.proposers, 0)
        self.posted: list[list[Any]] = [[] for _ in range(SHARDS)]
        self.final = [0] * SHARDS
        self.roots: list[list[bytes]] = [[NOTHING] for _ in range(SHARDS)]
        self.burnt = 0

    # ------------------------------------------------------------ proposers

    @rule(who=whose, amount=amounts)
    def deposit(self, who: int, amount: int) -> None:
        account = self.proposers[who]
        self.rollup.deposit(amount, {"from": account})
        self.free[account] += amount

    @rule(who=whose, amount=amounts)
    def withdraw(self, who: int, amount: int) -> None:
        account = self.proposers[who]
        if amount > self.free[account]:
            with reverts("InsufficientDeposit", account, self.free[account], amount):
                self.rollup.withdraw(amount, {"from": account})
        else:
            self.rollup.withdraw(amount, {"from": account})
            self.free[account] -= amount

    # ------------------------------------------------------------ batches

    @rule(shard=shards, who=whose, drawn=drawn_rows)
    def post_opinions(
        self, shard: int, who: int, drawn: list[tuple[int, int, int, int, bool]]
    ) -> None:
        town = self.towns[shard]
        last = town.headers[-1] if town.headers else None
        epoch = town.epoch
        if last and last.kind is BatchKind.OPINIONS:
            epoch = last.epoch if last.epoch >= epoch - 1 else 0
        elif last and (not last.closes or last.epoch == epoch):
            epoch = 0
        rows = next_rows(town, drawn)
        if epoch and rows:
            self._post(shard, who, town.opinions(rows, epoch))

    @rule(shard=shards, who=whose, limit=st.integers(1, 4))
    def post_scores(self, shard: int, who: int, limit: int) -> None:
        town = self.towns[shard]
        last = town.headers[-1] if town.headers else None
        if last is None or last.closes:
            return
        if town.epoch <= last.epoch:
            to_next_epoch(self.rollup)
        self._post(shard, who, town.scores(last.epoch, limit))

    def _post(self, shard: int, who: int, batch: Any) -> None:
        town, account = self.towns[shard], self.proposers[who]
        town.proposer = account
        needed = BOND + FEE_UNIT * batch.levy
        if self.free[account] < needed:
            with reverts("InsufficientDeposit", account, self.free[account], needed):
                town.post(batch)
            self.rollup.deposit(needed - self.free[account], {"from": account})
            self.free[account] = needed
        town.post(batch)
        self.free[account] -= needed
        self.burnt += FEE_UNIT * batch.levy
        self.posted[shard].append(account)
        self.roots[shard].append(batch.root)

    @rule(shard=shards, count=st.integers(1, 3))
    def finalise(self, shard: int, count: int) -> None:
        town, done = self.towns[shard], self.final[shard]
        headers = town.headers[done : done + count]
        if not headers:
            return
        town.proposer = accounts[5]
        open_ = [h for h in headers if chain[-1].timestamp + 1 < h.posted_at + WINDOW]
        if open_ and chain[-1].timestamp + 30 < open_[0].posted_at + WINDOW:
            with reverts("WindowOpen", shard, open_[0].index, ..., ...):
                town.finalise(*(header.index for header in headers))
        elif not open_:
            town.finalise(*(header.index for header in headers))
            self.final[shard] += len(headers)
            for header in headers:
                self.free[self.posted[shard][header.index - 1]] += BOND

    @rule(shard=shards)
    def pass_over_a_batch(self, shard: int) -> None:
        town, done = self.towns[shard], self.final[shard]
        if len(town.headers) > done + 1:
            town.proposer = accounts[5]
            with reverts("NotNextBatch", shard, done + 2, done + 1):
                town.finalise(done + 2)

    @rule(shard=shards)
    def post_on_an_old_tip(self, shard: int) -> None:
        town = self.towns[shard]
        if town.headers:
            posting = (shard, 1, False, town.epoch, 0, NOTHING, NOTHING, NOTHING)
            with reverts("StaleTip", shard, NOTHING, town.tip):
                self.rollup.post(posting, bytes(34), {"from": self.proposers[0]})

    @rule(seconds=st.sampled_from([SHORT, LONG]))
    def wait(self, seconds: int) -> None:
        chain.sleep(seconds)
        chain.mine()

    # ------------------------------------------------------------ invariants

    @invariant()
    def deposits_agree(self) -> None:
        """RP-I1, RP-I3"""
        total = 0
        for account in self.proposers:
            amount, locked = plain(self.rollup.depositOf(account))
            open_ = sum(
                who == account
                for shard in range(SHARDS)
                for who in self.posted[shard][self.final[shard] :]
            )
            assert locked == BOND * open_
            assert amount - locked == self.free[account]
            total += amount
        assert self.token.balanceOf(self.rollup) == total

    @invariant()
    def levy_agree(self) -> None:
        """RP-I4"""
        levied = sum(town.state.words.levy for town in self.towns)
        assert self.burnt == FEE_UNIT * levied
        assert self.token.totalSupply() == TOKEN_SUPPLY - self.burnt

    @invariant()
    def roots_agree(self) -> None:
        """RP-I2: tip and final root are the states of the batches."""
        for shard, town in enumerate(self.towns):
            seen = plain(self.rollup.shardOf(shard))
            assert seen[0] == len(town.headers)
            assert seen[1] == self.final[shard]
            assert seen[5] == (town.state.root if town.headers else NOTHING)
            assert seen[6] == self.roots[shard][self.final[shard]]

    @invariant()
    def scores_agree(self) -> None:
        """RP-I5, RP-I6"""
        for town in self.towns:
            for provider, leaf in town.state.providers():
                clients = town.state.prove_clients(provider)
                assert len({client.client for client in clients}) == leaf.clients
                rated = sum(each.pair.positives + each.pair.negatives for each in clients)
                assert rated == leaf.interactions
                if leaf.score_epoch:
                    assert leaf.score.s + leaf.score.u + leaf.score.c == SCALE
                    assert leaf.score.score <= SCALE


def next_rows(
    town: Town, drawn: list[tuple[int, int, int, int, bool]]
) -> list[tuple[int, int, int, int, bool]]:
    """The drawn rows of the town's shard, with steps turned into the nonces that come next."""
    nonces: dict[tuple[int, int], int] = {}
    rows = []
    for provider, client, step, fee, satisfied in drawn:
        if provider % SHARDS == town.state.shard:
            pair = (provider, client)
            nonces[pair] = nonces.get(pair, town.state.last_nonce(*pair)) + step
            rows.append((provider, client, nonces[pair], fee, satisfied))
    return rows


def test_the_contract_keeps_step_with_the_state() -> None:
    wealth = TOKEN_SUPPLY // 2
    parts = [(accounts[3], wealth), (accounts[4], wealth), (accounts[0], 0), (accounts[0], 0)]
    token = accounts[0].deploy(MarketToken, accounts[0], parts)
    rollup = accounts[0].deploy(ReputationRollup, token, SHARDS, 1_000, WINDOW, BOND)
    for account in accounts[3:5]:
        token.approve(rollup, wealth, {"from": account})
    Rollup.token, Rollup.rollup = token, rollup
    chain.snapshot()
    run_state_machine_as_test(
        Rollup, settings=settings(max_examples=examples(6), stateful_step_count=15, deadline=None)
    )

"""A Python model of the hub beside the contract: the same answers, the same errors, the same money,
to the last unit. (SPEC CH-2 to CH-17, CH-I1 to CH-I5, forbidden transitions)
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import astuple
from typing import Any

import pytest
from brownie import chain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from handfast.protocol.constants import TOKEN_SUPPLY, ChannelPhase, LockOutcome
from tests.campaign import examples
from tests.chain import plain, reverts, set_next_timestamp
from tests.channels import (
    HOUR,
    NATIVE,
    Channel,
    balance_of,
    proofs,
    secret,
    to_client,
    to_provider,
)
from tests.stateful.hub_model import CLIENT, PROVIDER, ChannelModel, HubModel, Refused

HONEST, REFUSE = 0, 1
MOST_CHANNELS = 4
WEALTH = 10**9
NAMES = ("a", "b", "c", "d")

amounts = st.integers(0, 1_000)
sides = st.sampled_from([CLIENT, PROVIDER])
# Mostly what honest peers would sign, sometimes far beyond it.
moves = st.integers(-1_200, 1_200) | st.sampled_from([-(2**127), 2**127 - 1])
drafts = st.lists(
    st.tuples(st.booleans(), st.integers(0, 400), st.sampled_from(NAMES), st.integers(0, 9_000)),
    max_size=5,
)
bits = st.integers(0, 31)
picks = st.integers(0, 2**20)


class Hub(RuleBasedStateMachine):
    """Every rule does the same to contract and model, and expects the same refusal."""

    hub: Any
    preimages: Any
    tokens: dict[str, Any]
    client: Any
    providers: list[Any]
    keys: dict[str, Any]
    wallet: Any
    stranger: Any
    first_model: HubModel
    first_channels: list[Channel]

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.model = deepcopy(self.first_model)
        self.channels = [(each, self.model.channels[each.id]) for each in self.first_channels]
        self.now = chain[-1].timestamp
        self.people = [self.client, *self.providers, self.stranger]
        self.start = {
            (address, person.address): balance_of(token, person)
            for address, token in self.tokens.items()
            for person in self.people
        }

    def teardown(self):
        try:
            self.everybody_leaves()
            self.check_money()
        finally:
            chain.revert()

    # ------------------------------------------------------------ steps

    def tick(self, seconds=1):
        """Fix the second of the next block, and return it."""
        self.now += seconds
        set_next_timestamp(self.now)
        return self.now

    def alike(self, decide, act):
        """The model decides, then the contract does so, or refuses for the same reason."""
        try:
            decide()
        except Refused as refusal:
            with reverts(refusal.error, *refusal.arguments):
                act()
            return False
        act()
        return True

    def any_channel(self, pick):
        return self.channels[pick % len(self.channels)]

    def any_person(self, pick):
        return self.people[pick % len(self.people)]

    # ------------------------------------------------------------ money

    @rule(native=st.booleans(), payer=picks, account=picks, amount=amounts, more=st.booleans())
    def change_credit(self, native, payer, account, amount, more):
        token = list(self.tokens)[0 if native else 1]
        payer, account = self.any_person(payer), self.any_person(account)
        self.tick()
        if more:
            how = {"from": payer, "value": amount if native else 0}
            self.hub.fund(token, account, amount, how)
            self.model.fund(token, account.address, payer.address, amount)
            return
        self.alike(
            lambda: self.model.collect(token, account.address, amount),
            lambda: self.hub.collect(token, account, amount, {"from": account}),
        )

    # ------------------------------------------------------------ life

    @precondition(lambda self: len(self.channels) < MOST_CHANNELS)
    @rule(native=st.booleans(), provider=picks, opener=sides, own=amounts, other=amounts)
    def open(self, native, provider, opener, own, other):
        token = list(self.tokens.values())[0 if native else 1]
        channel, model = draft(self.providers[provider % len(self.providers)], token)
        deposits = {CLIENT: own, PROVIDER: other}
        if opener == PROVIDER:
            deposits = {CLIENT: other, PROVIDER: own}
        self.tick()
        opened = self.alike(
            lambda: self.model.open(model, opener, deposits),
            lambda: channel.open(*deposits.values(), by=getattr(channel, opener), funded=False),
        )
        if opened:
            self.channels.append((channel, model))

    @rule(pick=picks, side=sides, payer=picks, amount=amounts)
    def top_up(self, pick, side, payer, amount):
        channel, model = self.any_channel(pick)
        payer = self.any_person(payer)
        party = getattr(channel, side)
        self.tick()
        self.alike(
            lambda: self.model.top_up(model, side, payer.address, amount),
            lambda: channel.top_up(party, amount, by=payer),
        )

    @rule(pick=picks, side=sides, total=st.integers(0, 2_500))
    def withdraw(self, pick, side, total):
        channel, model = self.any_channel(pick)
        party = getattr(channel, side)
        self.tick()
        self.alike(
            lambda: self.model.withdraw(model, side, total),
            lambda: channel.withdraw(party, total, self.stranger),
        )

    @rule(pick=picks, transferred=moves, products=st.binary(min_size=32, max_size=32))
    def close(self, pick, transferred, products):
        channel, model = self.any_channel(pick)
        self.tick()
        self.alike(
            lambda: self.model.close(model, transferred, products),
            lambda: channel.close(transferred, self.stranger, products),
        )

    @precondition(lambda self: self.live())
    @rule(pick=picks, transferred=moves, drafts=drafts, side=sides)
    def register_newer(self, pick, transferred, drafts, side):
        channel, model = self.live()[pick % len(self.live())]
        self.register(
            channel, model, model.version + 1, transferred, drafts, getattr(channel, side)
        )

    @rule(pick=picks, newer=st.integers(-1, 2), transferred=moves, drafts=drafts, by=picks)
    def register_anything(self, pick, newer, transferred, drafts, by):
        channel, model = self.any_channel(pick)
        version = max(model.version + newer, 0)
        self.register(channel, model, version, transferred, drafts, self.any_person(by))

    def register(self, channel, model, version, transferred, drafts, by):
        state, locks = channel.opening(), ()
        if version:
            locks = tuple(
                (to_provider if forth else to_client)(amount, self.now + life, name, nonce=nonce)
                for nonce, (forth, amount, name, life) in enumerate(drafts, 1)
            )
            state = channel.state(version, transferred, locks, bytes([version % 2]) * 32)
        now = self.tick()
        self.alike(
            lambda: self.model.register(model, state, locks, by.address, now),
            lambda: channel.register(state, by),
        )

    @precondition(lambda self: self.ending())
    @rule(pick=picks, shown=bits, cancelled=bits, early=st.sampled_from([0, 0, 0, 1]))
    def end(self, pick, shown, cancelled, early):
        """Settle, or resolve where that was done; some locks shown, some of them cancelled."""
        channel, model = self.ending()[pick % len(self.ending())]
        if model.phase is ChannelPhase.CLOSING:
            self.now = max(self.now, model.end - early)
        positions = [at for at in range(len(model.locks)) if shown >> at & 1]
        given_up = {at for at in positions if cancelled >> at & 1}
        signatures = {at: self.cancellation(channel, model.locks[at]) for at in given_up}
        locks, now = proofs(model.locks, positions, signatures), self.tick()
        decide, act = self.model.settle, channel.settle
        if model.phase is ChannelPhase.CLOSED:
            decide, act = self.model.resolve, channel.resolve
        self.alike(
            lambda: decide(model, positions, given_up, now),
            lambda: act(model.state, self.stranger, locks),
        )

    def live(self):
        phases = {ChannelPhase.OPEN, ChannelPhase.CLOSING}
        return [each for each in self.channels if each[1].phase in phases]

    def ending(self):
        """Where a state stands registered, and something may be left to pay by it."""
        return [each for each in self.channels if each[1].state]

    def cancellation(self, channel, lock):
        payee = channel.provider if lock.direction == 1 else channel.client
        return channel.cancellation(lock, payee)

    # ------------------------------------------------------------ the world

    @rule(name=st.sampled_from(NAMES), seconds=st.integers(0, HOUR))
    def reveal(self, name, seconds):
        now = self.tick(1 + seconds)
        digest = plain(self.preimages.reveal(secret(name), {"from": self.stranger}).return_value)
        self.model.revealed.setdefault(digest, now)

    @rule(refusing=st.booleans())
    def change_mood(self, refusing):
        self.tick()
        self.wallet.behave(REFUSE if refusing else HONEST, HONEST, {"from": self.stranger})
        (self.model.refusing.add if refusing else self.model.refusing.discard)(self.wallet.address)

    # ------------------------------------------------------------ what must hold

    @invariant()
    def check_channels(self):
        for channel, model in self.channels:
            found = channel.on_chain()
            closed = model.phase is ChannelPhase.CLOSED
            none = {CLIENT: 0, PROVIDER: 0}
            deposits = none if closed else model.deposits
            assert found["phase"] == model.phase
            assert found["challengeEnd"] == model.end
            assert found["version"] == model.version
            assert (found["clientDeposit"], found["providerDeposit"]) == tuple(deposits.values())
            withdrawn = found["clientWithdrawn"], found["providerWithdrawn"]
            assert withdrawn == tuple(model.withdrawn.values())
            locked = found["lockedByClient"], found["lockedByProvider"]
            assert locked == tuple((model.locked if closed else none).values())
            assert plain(found["productsRoot"]) == model.products_root

    @invariant()
    def check_money(self):
        """CH-I1: with equality, since neither asset taxes and nobody donates."""
        for address, token in self.tokens.items():
            credit = sum(
                amount for (asset, _), amount in self.model.credit.items() if asset == address
            )
            held = sum(model.held for _, model in self.channels if model.token == address)
            assert balance_of(token, self.hub) == credit + held
            for person in self.people:
                key = address, person.address
                assert self.hub.creditOf(*key) == self.model.credit[key]
                expected = self.start[key] + self.model.paid[key] - self.model.spent[key]
                assert balance_of(token, person) == expected

    def everybody_leaves(self):
        """CH-I5: the client alone ends each channel, and each lock resolves after its expiry."""
        for channel, model in self.channels:
            if model.phase is ChannelPhase.OPEN:
                state, now = channel.opening(), self.tick()
                self.model.register(model, state, (), self.client.address, now)
                channel.register(state, self.client)
            if model.phase is ChannelPhase.CLOSING:
                self.now = max(self.now, model.end)
                now = self.tick()
                self.model.settle(model, [], set(), now)
                channel.settle(model.state, self.client)
        self.now += 10_000
        for channel, model in self.channels:
            if not model.locks:
                continue
            positions, now = list(range(len(model.locks))), self.tick()
            self.model.resolve(model, positions, set(), now)
            channel.resolve(model.state, self.stranger, proofs(model.locks))
            outcomes = [plain(self.hub.outcomeOf(channel.id, at)) for at in positions]
            assert outcomes == [model.outcomes[at] for at in positions]
            assert LockOutcome.ABSENT not in outcomes
            for at, outcome in enumerate(outcomes):
                paid = outcome == LockOutcome.PAID
                assert channel.is_paid(model.state, model.locks, at) is paid
                assert astuple(model.locks[at])[0] in {1, 2}


def draft(provider, token):
    """A channel between the client and a provider that is not opened, and its model."""
    channel = Channel(Hub.hub, Hub.client, provider, token, 2 * HOUR, keys=Hub.keys)
    accounts = {CLIENT: Hub.client.address, PROVIDER: provider.address}
    return channel, ChannelModel(channel.id, channel.token_address, accounts, channel.period)


def open_first(providers, tokens):
    """One channel in each asset with each provider, before any example; the model from then on."""
    model, channels = HubModel(), []
    for provider, token in zip(providers, tokens, strict=True):
        channel, each = draft(provider, token)
        channel.open(1_000, 500)
        model.fund(each.token, provider.address, provider.address, 500)
        model.open(each, CLIENT, {CLIENT: 1_000, PROVIDER: 500})
        channels.append(channel)
    model.spent.clear()
    return model, channels


@pytest.fixture(scope="module")
def preimages(deployer, PreimageRegistry):
    return deployer.deploy(PreimageRegistry)


@pytest.fixture(scope="module")
def hub(deployer, ChannelHub, preimages):
    return deployer.deploy(ChannelHub, deployer, preimages, HOUR, 30 * 24 * HOUR)


@pytest.fixture(scope="module")
def wallet(deployer, HostileWallet, beneficiary):
    """Some provider's account: a contract, which refuses native coin when it is in the mood."""
    return deployer.deploy(HostileWallet, beneficiary)


@pytest.fixture(scope="module")
def token(deployer, MarketToken):
    share = (deployer, TOKEN_SUPPLY // 4)
    return deployer.deploy(MarketToken, deployer, [share, share, share, share])


def test_the_hub_does_what_the_model_does(
    hub, preimages, wallet, token, deployer, client, provider, stranger, beneficiary, accounts
):
    party = accounts.at(wallet.address, force=True)
    deployer.transfer(party, WEALTH)
    hub.allowToken(token, {"from": deployer})
    for person in (client, provider, party, stranger):
        token.transfer(person, WEALTH, {"from": deployer})
        token.approve(hub, WEALTH, {"from": person})
    Hub.hub, Hub.preimages, Hub.wallet = hub, preimages, wallet
    Hub.tokens = {NATIVE: NATIVE, token.address: token}
    Hub.client, Hub.providers, Hub.stranger = client, [provider, party], stranger
    Hub.keys = {party.address: beneficiary}
    Hub.first_model, Hub.first_channels = open_first(Hub.providers, Hub.tokens.values())
    # The first ten examples or so are short.
    few = settings(
        max_examples=examples(17),
        stateful_step_count=25,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
    )
    run_state_machine_as_test(Hub, settings=few)

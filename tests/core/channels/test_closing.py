"""Ends and withdrawals that both sign, and contract wallets. (SPEC CH-6, CH-12, CH-18)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.channels.channel import Withdrawing, withdrawal_digest
from handfast.channels.effects import CheckWallet, Leaving, Over, Result, Send
from handfast.channels.ends import step
from handfast.channels.inputs import Close, Heard, Learn, Tick, Transfer, Withdraw
from handfast.channels.rules import close_of
from handfast.channels.state import Pay
from handfast.channels.wire import (
    Agreement,
    Cancel,
    CloseProposal,
    Party,
    Reason,
    WithdrawalProposal,
)
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import ChannelPhase
from tests.channel_world import DEPOSIT, FEE, TIMING, World, number_of

BOTH = [Party.CLIENT, Party.PROVIDER]


def proposal(world: World, deadline: int) -> CloseProposal:
    """A close by the agreed state that the client signed."""
    book = world.seller.channel.agreed
    digest = close_of(book, deadline).digest(world.client.terms.domain)
    return CloseProposal(book.version, deadline, world.client.signer.sign(digest))


def withdrawal(world: World, party: Party, total: int, deadline: int) -> WithdrawalProposal:
    """A withdrawal that the client signed."""
    digest = withdrawal_digest(world.client.terms, Withdrawing(party, total, deadline))
    return WithdrawalProposal(party, total, deadline, world.client.signer.sign(digest))


# ---------------------------------------------------------------- closes


@pytest.mark.parametrize("party", BOTH)
def test_either_ends_the_channel_with_the_others_consent(world: World, party: Party) -> None:
    """In one transaction, sent by whoever wished for it. (SPEC CH-12)"""
    world.buy("cat")
    world.feed(world.actors[party], Close())
    world.talk()
    assert not world.other(world.actors[party]).actions
    world.mine()
    assert world.hub.phase is ChannelPhase.CLOSED
    assert world.hub.paid[Party.PROVIDER] == DEPOSIT + FEE
    for actor in (world.client, world.provider):
        assert actor.events[-1] == Over()
        assert not any(isinstance(event, Leaving) for event in actor.events[:-2])


def test_a_close_waits_for_what_is_pending_and_lets_nothing_new_begin(world: World) -> None:
    """(SPEC CH-12)"""
    hash_ = world.lock("cat")
    world.feed(world.client, Close())
    world.talk()
    assert not world.buyer.channel.frozen_until
    with pytest.raises(InvalidInput, match="ending"):
        world.wish("dog")
    world.feed(world.client, Learn(number_of("cat")))
    world.talk()
    world.mine()
    assert world.client.concluded()[hash_].result is Result.SETTLED
    assert world.hub.phase is ChannelPhase.CLOSED


def test_nothing_changes_while_a_signed_close_is_good(world: World) -> None:
    """Or the close would undo what was agreed after it. (SPEC CH-12, CH-26)"""
    world.feed(world.client, Close())
    world.talk()
    world.client.actions.clear()
    for actor in (world.client, world.provider):
        assert actor.end.channel.frozen_until
    assert world.refuses(world.provider, world.update(Pay(1))) is Reason.FROZEN
    with pytest.raises(InvalidInput):
        world.sell("cat")
    with pytest.raises(InvalidInput):
        world.feed(world.client, Transfer(1))


def test_the_channel_goes_on_when_a_close_was_never_sent(world: World) -> None:
    """As when the node was away until the deadline."""
    world.feed(world.client, Close())
    world.talk()
    world.client.actions.clear()
    world.now += TIMING.closing + TIMING.margin + 1
    for actor in (world.client, world.provider):
        world.feed(actor, Tick())
        assert not actor.end.channel.frozen_until
    assert world.buy("cat").result is Result.SETTLED


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda w: replace(proposal(w, w.now + 50), base=7), Reason.WRONG_BASE),
        (lambda w: proposal(w, w.now - 1), Reason.BAD_DEADLINE),
        (lambda w: proposal(w, w.now + 2 * TIMING.closing + 1), Reason.BAD_DEADLINE),
        (lambda w: replace(proposal(w, w.now + 50), signature=bytes(65)), Reason.BAD_SIGNATURE),
        (lambda w: replace(proposal(w, w.now + 50), deadline=w.now + 51), Reason.BAD_SIGNATURE),
    ],
)
def test_a_close_on_other_terms_is_not_signed(make, reason: Reason, world: World) -> None:  # type: ignore[no-untyped-def]
    world.buy("cat")
    assert world.refuses(world.provider, make(world)) is reason


def test_a_close_with_a_lock_pending_is_not_signed(world: World) -> None:
    """(SPEC CH-12)"""
    world.lock("cat")
    assert world.refuses(world.provider, proposal(world, world.now + 50)) is Reason.LOCKS_PENDING


def test_a_close_is_signed_again_when_it_is_asked_for_again(world: World) -> None:
    """(SPEC CH-24)"""
    first = proposal(world, world.now + 50)
    world.feed(world.provider, Heard(first))
    after, effects = step(world.provider.end, Heard(first), world.now)
    assert after is world.provider.end
    assert isinstance(effects[0], Send)
    earlier = proposal(world, world.now + 40)
    assert world.refuses(world.provider, earlier) is Reason.BAD_DEADLINE


# ---------------------------------------------------------------- withdrawals


@pytest.mark.parametrize("party", BOTH)
def test_either_takes_out_what_is_free_with_the_others_consent(world: World, party: Party) -> None:
    """(SPEC CH-6)"""
    world.buy("cat")
    for total in (10, 30):
        world.feed(world.actors[party], Withdraw(total))
        world.talk()
        world.mine()
        assert world.hub.paid[party] == total
    assert world.buy("dog").result is Result.SETTLED


def test_a_signed_withdrawal_counts_as_done_until_it_lapses(world: World) -> None:
    """(SPEC CH-6, CH-8, CH-26)"""
    world.feed(world.client, Withdraw(DEPOSIT - FEE))
    world.talk()
    world.client.actions.clear()
    with pytest.raises(InvalidInput, match=f"1 to {FEE}"):
        world.wish("cat", amount=2 * FEE)
    world.now += TIMING.closing + TIMING.margin + 1
    world.sell("cat", amount=2 * FEE)
    hash_ = world.wish("cat", amount=2 * FEE)
    world.talk()
    assert world.round(hash_).nonce == 1


@pytest.mark.parametrize("party", BOTH)
@pytest.mark.parametrize("total", [0, DEPOSIT + 1, 2 * DEPOSIT])
def test_nobody_takes_out_what_is_not_free(world: World, party: Party, total: int) -> None:
    with pytest.raises(InvalidInput, match="cannot be taken out"):
        world.feed(world.actors[party], Withdraw(total))


def test_locked_money_is_not_taken_out(world: World) -> None:
    """(SPEC CH-8)"""
    world.lock("cat")
    with pytest.raises(InvalidInput, match="cannot be taken out"):
        world.feed(world.client, Withdraw(DEPOSIT - FEE + 1))
    greedy = withdrawal(world, Party.CLIENT, DEPOSIT - FEE + 1, world.now + 50)
    assert world.refuses(world.provider, greedy) is Reason.UNCOVERED


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda w: withdrawal(w, Party.CLIENT, 5, w.now - 1), Reason.BAD_DEADLINE),
        (lambda w: withdrawal(w, Party.CLIENT, 5, w.now + 101), Reason.BAD_DEADLINE),
        (lambda w: withdrawal(w, Party.PROVIDER, 5, w.now + 50), Reason.UNEXPECTED),
        (
            lambda w: replace(withdrawal(w, Party.CLIENT, 5, w.now + 50), total=6),
            Reason.BAD_SIGNATURE,
        ),
    ],
)
def test_a_withdrawal_on_other_terms_is_not_signed(make, reason: Reason, world: World) -> None:  # type: ignore[no-untyped-def]
    assert world.refuses(world.provider, make(world)) is reason


def test_only_so_many_withdrawals_are_good_at_a_time(world: World) -> None:
    for total in range(1, 9):
        signed = withdrawal(world, Party.CLIENT, total, world.now + 50)
        world.feed(world.provider, Heard(signed))
    ninth = withdrawal(world, Party.CLIENT, 9, world.now + 50)
    assert world.refuses(world.provider, ninth) is Reason.TOO_MANY


def test_what_was_lost_is_said_again_on_the_next_connection(world: World) -> None:
    """(SPEC CH-24)"""
    world.feed(world.client, Withdraw(10))
    world.lose_messages()
    world.reconnect()
    world.talk()
    world.feed(world.provider, Withdraw(20))
    world.lose_messages()
    world.reconnect()
    world.talk()
    world.mine()
    assert world.hub.paid == {Party.CLIENT: 10, Party.PROVIDER: 20}
    world.feed(world.provider, Close())
    world.lose_messages()
    world.reconnect()
    world.deliver(world.client)
    world.deliver(world.client)
    world.lose_messages()
    world.reconnect()
    world.talk()
    world.mine()
    assert world.hub.phase is ChannelPhase.CLOSED


# ---------------------------------------------------------------- contract wallets


def with_wallet(world: World, party: Party) -> None:
    """An actor agrees to deal with the other's contract wallet."""
    actor = world.actors[party]
    terms = replace(actor.terms, wallet=True)
    actor.end = replace(actor.end, channel=replace(actor.end.channel, terms=terms))


def test_without_consent_a_wallets_signature_proves_nothing(world: World) -> None:
    """(SPEC CH-18)"""
    update = replace(world.update(Pay(1)), signature=b"by a contract")
    heard = Heard(update, (keccak(b"x"),))
    _, effects = step(world.provider.end, heard, world.now)
    assert isinstance(effects[0], Send)


def test_with_consent_the_wallet_is_asked_and_its_answer_counts(world: World) -> None:
    """(SPEC CH-18)"""
    with_wallet(world, Party.PROVIDER)
    update = replace(world.update(Pay(1)), signature=b"by a contract")
    after, (check,) = step(world.provider.end, Heard(update), world.now)
    assert after is world.provider.end
    assert isinstance(check, CheckWallet)
    ((digest, signature),) = check.signatures
    assert signature == b"by a contract"
    refused, effects = step(world.provider.end, Heard(update, ()), world.now)
    assert refused is world.provider.end
    assert isinstance(effects[0], Send)
    world.feed(world.provider, Heard(update, (digest,)))
    assert world.seller.channel.agreed.transferred == 1
    assert world.seller.channel.signature == b"by a contract"
    again, (check,) = step(world.provider.end, Heard(update), world.now)
    assert again is world.provider.end
    assert isinstance(check, CheckWallet)


def test_a_key_beside_a_wallet_needs_no_asking(world: World) -> None:
    with_wallet(world, Party.CLIENT)
    with_wallet(world, Party.PROVIDER)
    assert world.buy("cat").result is Result.SETTLED


def test_a_wallet_is_asked_about_state_and_receipts_together(world: World) -> None:
    with_wallet(world, Party.CLIENT)
    world.lock("cat")
    world.feed(world.client, Learn(number_of("cat")))
    _, (check,) = step(world.client.end, Heard(Agreement(2, b"wallet", (b"one",))), world.now)
    assert isinstance(check, CheckWallet)
    assert [signature for _, signature in check.signatures] == [b"wallet", b"one"]
    vouched = tuple(digest for digest, _ in check.signatures)
    world.feed(world.client, Heard(check.message, vouched))
    (ended,) = world.client.settled()
    assert ended.signature == b"one"


# ---------------------------------------------------------------- what the client does not take


@pytest.mark.parametrize(
    ("receipts", "reason"),
    [((), Reason.BAD_SIGNATURE), ((bytes(65),), Reason.BAD_SIGNATURE),
     ((bytes(65), bytes(65)), Reason.BAD_SIGNATURE)],
)  # fmt: skip
def test_an_agreement_without_its_receipts_is_none(
    receipts: tuple[bytes, ...], reason: Reason, world: World
) -> None:
    """And who gives none for long enough is left. (SPEC CH-25)"""
    hash_ = world.lock("cat")
    world.feed(world.client, Learn(number_of("cat")))
    world.deliver(world.provider)
    signed = world.seller.signed[0]
    agreement = Agreement(2, world.provider.signer.sign(signed), receipts)
    assert world.refuses(world.client, agreement) is reason
    world.lose_messages()
    world.advance(TIMING.patience, talking=False)
    assert Leaving(Reason.SILENT) in world.client.events
    assert hash_ not in world.client.concluded()


def test_a_cancellation_must_be_the_payees(world: World) -> None:
    world.lock("cat")
    assert world.refuses(world.client, Cancel(1, bytes(65))) is Reason.BAD_SIGNATURE
    assert world.refuses(world.provider, Cancel(1, bytes(65))) is Reason.UNEXPECTED
    for actor in (world.client, world.provider):
        assert world.say(actor, Cancel(9, bytes(65))) == ()

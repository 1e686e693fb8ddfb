"""What is done about a signed transaction, by what is seen of it. (PR-12)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.chain.rules import (
    ETHER,
    GWEI,
    Action,
    Fees,
    Policy,
    Refusal,
    Seen,
    bumped_fees,
    classify_refusal,
    default_confirmations,
    ether,
    first_fees,
    funds_line,
    next_action,
)
from handfast.errors import Unavailable

POLICY = Policy(confirmations=3, stuck_blocks=4, hold=5)
NONCE = 7


def seen(
    *,
    head: int = 100,
    count: int = NONCE,
    mined_in: int | None = None,
    taken: bool = False,
    waited: int = 0,
    refusal: Refusal | None = None,
    fell_out: bool = False,
    held: int = 0,
) -> Seen:
    return Seen(head, count, mined_in, taken, waited, refusal, fell_out, held)


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        (seen(count=8, mined_in=99), Action.WAIT),
        (seen(count=8, mined_in=98), Action.CONCLUDE),
        (seen(count=8), Action.WAIT),
        (seen(count=8, waited=50, refusal=Refusal.NONCE_USED), Action.WAIT),
        (seen(count=8, taken=True), Action.RENEW),
        (seen(), Action.BROADCAST),
        (seen(waited=3), Action.BROADCAST),
        (seen(waited=4), Action.BUMP),
        (seen(refusal=Refusal.KNOWN), Action.BROADCAST),
        (seen(refusal=Refusal.FUNDS), Action.BROADCAST),
        (seen(refusal=Refusal.UNDERPRICED), Action.BUMP),
        (seen(refusal=Refusal.FINAL), Action.CANCEL),
        (seen(count=5, waited=50), Action.BROADCAST),
        (seen(count=5, refusal=Refusal.UNDERPRICED), Action.BROADCAST),
        (seen(fell_out=True), Action.BROADCAST),
        (seen(fell_out=True, count=6), Action.WAIT),
        (seen(fell_out=True, held=1), Action.WAIT),
        (seen(fell_out=True, held=5, waited=50), Action.WAIT),
        (seen(fell_out=True, held=6), Action.CANCEL),
        (seen(fell_out=True, refusal=Refusal.FINAL), Action.CANCEL),
    ],
)
def test_the_action_follows_from_what_is_seen(observation: Seen, action: Action) -> None:
    assert next_action(NONCE, observation, POLICY) is action


@given(
    count=st.integers(0, 20),
    waited=st.integers(0, 20),
    refusal=st.sampled_from([None, *Refusal]),
)
def test_a_new_nonce_is_never_taken_without_proof_that_the_old_one_is_gone(
    count: int, waited: int, refusal: Refusal | None
) -> None:
    observation = seen(count=count, waited=waited, refusal=refusal)
    assert next_action(NONCE, observation, POLICY) is not Action.RENEW


@pytest.mark.parametrize(("chain", "blocks"), [(31_337, 1), (1_337, 1), (1, 12), (137, 12)])
def test_other_chains_than_a_local_one_are_not_trusted_at_once(chain: int, blocks: int) -> None:
    """SPEC PR-14"""
    assert default_confirmations(chain) == blocks


def test_first_fees_hold_out_while_the_base_fee_doubles() -> None:
    assert first_fees(10 * GWEI, GWEI, 500 * GWEI) == Fees(21 * GWEI, GWEI)


def test_first_fees_stop_at_the_ceiling() -> None:
    assert first_fees(10 * GWEI, GWEI, 15 * GWEI) == Fees(15 * GWEI, GWEI)


def test_a_chain_dearer_than_the_ceiling_is_waited_for() -> None:
    with pytest.raises(Unavailable, match="more than the ceiling"):
        first_fees(10 * GWEI, GWEI, 10 * GWEI)


@given(
    max_fee=st.integers(0, 10**12),
    priority=st.integers(0, 10**12),
    market=st.builds(Fees, st.integers(0, 10**12), st.integers(0, 10**12)),
)
def test_a_replacement_bids_at_least_a_tenth_more_of_both(
    max_fee: int, priority: int, market: Fees
) -> None:
    old = Fees(max(max_fee, priority), priority)
    new = bumped_fees(old, market, 10**13)
    assert new is not None
    assert 10 * new.max_fee > 11 * old.max_fee
    assert 10 * new.priority > 11 * old.priority
    assert new.max_fee >= max(new.priority, market.max_fee)
    assert new.priority >= market.priority


def test_no_replacement_is_bid_above_the_ceiling() -> None:
    assert bumped_fees(Fees(90, 1), Fees(50, 1), 100) is None


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("already known", Refusal.KNOWN),
        ("transaction already imported", Refusal.KNOWN),
        ("Known transaction", Refusal.KNOWN),
        ("nonce too low: next nonce 5, tx nonce 4", Refusal.NONCE_USED),
        ("OldNonce", Refusal.NONCE_USED),
        ("replacement transaction underpriced", Refusal.UNDERPRICED),
        ("max fee per gas less than block base fee", Refusal.UNDERPRICED),
        ("FeeTooLow, MaxFeePerGas too low", Refusal.UNDERPRICED),
        ("insufficient funds for gas * price + value", Refusal.FUNDS),
        ("Upfront cost exceeds account balance", Refusal.FUNDS),
        ("oversized data", Refusal.FINAL),
    ],
)
def test_the_words_of_nodes_are_understood(words: str, refusal: Refusal) -> None:
    assert classify_refusal(words) is refusal


def test_the_line_about_funds_names_account_chain_deed_and_amounts() -> None:
    line = funds_line("0xAb", 31337, "ChannelHub.open", 3 * ETHER // 2, ETHER // 4)
    assert line == (
        "0xAb needs 1.5 ETH on chain 31337 for ChannelHub.open, it holds 0.25 ETH: "
        "send it at least 1.25 ETH"
    )


@given(st.integers(0, 10**30))
def test_amounts_are_shown_exactly(wei: int) -> None:
    whole, _, rest = ether(wei).removesuffix(" ETH").partition(".")
    assert int(whole) * ETHER + int(rest.ljust(18, "0")) == wei

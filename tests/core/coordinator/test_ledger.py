"""What the ledger accepts can be included, in whatever order it came. (RP-5, RP-7, RP-9, CO-3)"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handfast.coordinator.ledger import Arrival, Ledger, Verdict
from handfast.protocol.constants import MAX_NONCE_STEP
from handfast.reputation.batches import Entry, apply_opinions, take_back
from handfast.reputation.state import State

PROVIDER, CLIENT, OTHER = 1, 2, 3
REGISTERED = 9


def entry(nonce: int, client: int = CLIENT, provider: int = PROVIDER) -> Entry:
    return Entry(provider, client, nonce, 5, True)


def fill(ledger: Ledger, *entries: Entry) -> None:
    for number, each in enumerate(entries, 1):
        assert ledger.judge(each) is Verdict.ACCEPTED
        ledger.put(Arrival(number, each))


def nonces(arrivals: tuple[Arrival, ...]) -> list[int]:
    return [arrival.entry.nonce for arrival in arrivals]


def test_a_nonce_is_accepted_once() -> None:
    ledger = Ledger(State())
    fill(ledger, entry(3))
    assert ledger.judge(entry(3)) is Verdict.KNOWN


def test_a_pair_leaves_in_the_order_of_its_nonces() -> None:
    ledger = Ledger(State())
    fill(ledger, entry(7), entry(2), entry(1, OTHER), entry(4))
    assert [(each.entry.client, each.entry.nonce) for each in ledger.take(9)] == [
        (CLIENT, 2),
        (CLIENT, 4),
        (OTHER, 1),
        (CLIENT, 7),
    ]


def test_a_batch_that_is_full_leaves_the_higher_nonces_for_the_next() -> None:
    ledger = Ledger(State())
    fill(ledger, entry(7), entry(2))
    assert nonces(ledger.take(1)) == [2]
    assert nonces(ledger.take(1)) == [7]


def test_a_gap_is_measured_from_what_was_accepted_before() -> None:
    ledger = Ledger(State())
    assert ledger.judge(entry(MAX_NONCE_STEP)) is Verdict.ACCEPTED
    assert ledger.judge(entry(MAX_NONCE_STEP + 1)) is Verdict.NONCE_GAP
    fill(ledger, entry(10))
    assert ledger.judge(entry(10 + MAX_NONCE_STEP)) is Verdict.ACCEPTED
    assert ledger.judge(entry(11 + MAX_NONCE_STEP)) is Verdict.NONCE_GAP


def test_what_is_in_a_batch_is_not_accepted_again() -> None:
    state = State()
    ledger = Ledger(state)
    fill(ledger, entry(5))
    apply_opinions(state, [each.entry for each in ledger.take(1)], 1, REGISTERED)
    assert ledger.judge(entry(5)) is Verdict.KNOWN
    assert ledger.judge(entry(4)) is Verdict.KNOWN
    assert ledger.judge(entry(6)) is Verdict.ACCEPTED


def test_a_batch_that_came_to_nothing_goes_before_all_others() -> None:
    ledger = Ledger(State())
    fill(ledger, entry(1), entry(2))
    taken = ledger.take(2)
    ledger.put(Arrival(3, entry(3)))
    ledger.give_back(taken)
    assert nonces(ledger.take(9)) == [1, 2, 3]


def test_what_was_not_durable_is_withdrawn() -> None:
    ledger = Ledger(State())
    fill(ledger, entry(1), entry(3), entry(2))
    ledger.withdraw(2)
    assert ledger.judge(entry(3)) is Verdict.ACCEPTED
    assert nonces(ledger.take(9)) == [1]


def test_what_another_proposer_overtook_is_dropped() -> None:
    state = State()
    ledger = Ledger(state)
    fill(ledger, entry(1), entry(2), entry(1, OTHER), entry(3))
    apply_opinions(state, [entry(2)], 1, REGISTERED)
    assert nonces(ledger.drop_overtaken()) == [1, 2]
    assert [(each.entry.client, each.entry.nonce) for each in ledger.take(9)] == [
        (OTHER, 1),
        (CLIENT, 3),
    ]


def test_who_lost_the_nonces_below_stands_aside_until_they_are_there_again() -> None:
    """CO-11: another's batch made room for 300, and a re-organisation took it away."""
    state = State()
    theirs = apply_opinions(state, [entry(200)], 1, REGISTERED)
    ledger = Ledger(state)
    fill(ledger, entry(300), entry(1, OTHER), entry(301))
    take_back(state, theirs)
    ledger.give_back(())
    assert nonces(ledger.take(9)) == [1]
    assert (len(ledger), ledger.oldest, ledger.lowest) == (0, None, 1)
    assert ledger.judge(entry(300)) is Verdict.KNOWN
    apply_opinions(state, [entry(1, OTHER), entry(200)], 1, REGISTERED)
    assert ledger.drop_overtaken() == ()
    assert nonces(ledger.take(9)) == [300, 301]


def test_who_stands_aside_comes_back_when_the_gap_is_filled_from_below() -> None:
    state = State()
    theirs = apply_opinions(state, [entry(200)], 1, REGISTERED)
    ledger = Ledger(state)
    fill(ledger, entry(300))
    take_back(state, theirs)
    assert ledger.take(9) == ()
    ledger.put(Arrival(2, entry(100)))
    assert nonces(ledger.take(9)) == [100, 300]


def test_what_rests_on_the_chains_word_can_be_taken_out() -> None:
    """CO-11"""
    ledger = Ledger(State())
    for number, nonce in enumerate((4, 2, 3), 1):
        ledger.put(Arrival(number, entry(nonce), claimed=nonce == 2))
    assert nonces(ledger.drop_claimed()) == [2]
    assert len(ledger) == 2
    assert ledger.judge(entry(2)) is Verdict.ACCEPTED
    assert nonces(ledger.take(9)) == [3, 4]


def test_the_oldest_is_the_longest_waiting_place() -> None:
    ledger = Ledger(State())
    assert ledger.oldest is None
    fill(ledger, entry(1), entry(2))
    ledger.take(1)
    assert ledger.oldest == 2


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("arrive"),
                st.integers(1, 2),
                st.integers(3, 5),
                st.integers(1, 900),
            ),
            st.tuples(st.just("build"), st.integers(1, 4), st.booleans(), st.just(0)),
        ),
        max_size=60,
    )
)
def test_whatever_was_accepted_is_included_exactly_once_in_rising_steps(steps: list) -> None:
    state = State()
    ledger = Ledger(state)
    accepted: set[Entry] = set()
    included: list[Entry] = []
    number = 0
    for step, first, second, nonce in [*steps, ("build", 10**6, False, 0)]:
        if step == "arrive":
            arriving = entry(nonce, second, first)
            if ledger.judge(arriving) is Verdict.ACCEPTED:
                number += 1
                ledger.put(Arrival(number, arriving))
                accepted.add(arriving)
        elif len(ledger):
            taken = ledger.take(first)
            batch = apply_opinions(state, [each.entry for each in taken], 1, REGISTERED)
            if second:  # the chain refused it
                take_back(state, batch)
                ledger.give_back(taken)
            else:
                included += [each.entry for each in taken]
    assert sorted(included) == sorted(accepted)
    assert len(ledger) == 0

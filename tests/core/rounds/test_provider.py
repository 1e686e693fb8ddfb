"""Which requests a provider agrees to, and how its rounds end. (SPEC PR-4 to PR-9)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.channels.rules import id_of
from handfast.channels.state import Lock
from handfast.errors import InvalidInput
from handfast.protocol.constants import Direction, LockMode
from handfast.rounds.messages import NO_HASH, OpenPrompt, Product, RequestId, SignedRequest
from handfast.rounds.provider import (
    DESK,
    EMPTY,
    Acknowledge,
    Announce,
    Asked,
    Desk,
    FeeConcluded,
    FeeLocked,
    Generate,
    Input,
    Made,
    NotMade,
    Prompted,
    Refuse,
    Served,
    Stage,
    Standing,
    Terms,
    Tick,
    may_serve,
    resume,
    step,
    unlocked_rounds,
)
from tests.core.rounds.parties import (
    CLIENT,
    DOMAIN,
    FEE,
    NOW,
    PLAIN,
    PROMPT,
    PROVIDER,
    SEALED,
    TOKEN,
    ask,
)

TERMS = Terms(
    PROVIDER.address,
    TOKEN,
    "image",
    FEE,
    frozenset((LockMode.CLIENT_NUMBER, LockMode.KEY_RELEASE)),
)
KEY = b"\x0b" * 32


def product_of(mode: LockMode) -> Product:
    return PLAIN if mode is LockMode.CLIENT_NUMBER else SEALED


def lock_for(product: Product) -> Lock:
    hash_ = product.key_hash if product.key_hash != NO_HASH else b"\x0c" * 32
    return Lock(Direction.TO_PROVIDER, FEE, hash_, NOW + 3_000, product.digest, 1)


def play(desk: Desk, *inputs: Input, now: int = NOW) -> Desk:
    for each in inputs:
        desk, _ = step(desk, each, now, TERMS)
    return desk


def until_locked(request: SignedRequest, *, served: bool = False) -> tuple[RequestId, Desk]:
    name = request.id(DOMAIN)
    product = product_of(request.details.mode)
    desk = play(
        EMPTY,
        Asked(name, request),
        Prompted(name, PROMPT),
        Made(name, product, KEY),
        FeeLocked(id_of(request.channel), lock_for(product)),
    )
    return name, play(desk, Served(name)) if served else desk


def test_a_round_goes_from_request_to_payment(mode: LockMode) -> None:
    request = ask(mode)
    name, product = request.id(DOMAIN), product_of(mode)
    desk, effects = step(EMPTY, Asked(name, request), NOW, TERMS)
    assert effects == (Acknowledge(name, 1),)
    desk, effects = step(desk, Prompted(name, PROMPT), NOW, TERMS)
    assert effects == (Acknowledge(name, 2), Generate(name, PROMPT.text))
    desk, effects = step(desk, Made(name, product, KEY), NOW, TERMS)
    assert effects == (Announce(name),)
    channel, lock = id_of(request.channel), lock_for(product)
    desk = play(desk, FeeLocked(channel, lock))
    assert desk.rounds[name].stage is Stage.LOCKED
    desk = play(desk, FeeConcluded(channel, lock, paid=True))
    assert desk.rounds[name].stage is Stage.PAID
    assert DESK.decode(DESK.encode(desk)) == desk


def test_repeats_have_the_same_answer_and_change_nothing() -> None:
    request = ask()
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT))
    for repeat, answer in ((Asked(name, request), 1), (Prompted(name, PROMPT), 2)):
        after, effects = step(desk, repeat, NOW, TERMS)
        assert after == desk
        assert effects == (Acknowledge(name, answer),)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"provider": "0x" + "99" * 20}, "wrong_provider"),
        ({"token": "0x" + "99" * 20}, "wrong_token"),
        ({"challenge_period": 1}, "challenge_period"),
        ({"modality": "text"}, "modality"),
        ({"max_fee": FEE - 1}, "fee"),
        ({"deadline": NOW}, "deadline"),
    ],
)
def test_refuses_what_it_does_not_sell(change: dict[str, object], code: str) -> None:
    request = ask(**change)  # type: ignore[arg-type]
    desk, effects = step(EMPTY, Asked(request.id(DOMAIN), request), NOW, TERMS)
    assert desk == EMPTY
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == [code]


def test_refuses_a_mode_of_lock_it_does_not_take() -> None:
    request = ask(LockMode.KEY_RELEASE)
    terms = replace(TERMS, modes=frozenset((LockMode.CLIENT_NUMBER,)))
    _, effects = step(EMPTY, Asked(request.id(DOMAIN), request), NOW, terms)
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == ["mode"]


@pytest.mark.parametrize(
    ("standing", "limits"),
    [
        (Standing.FUNDED, {"open_rounds": 1}),
        (Standing.FUNDED, {"all_rounds": 1}),
        (Standing.REGISTERED, {"registered": (1, 9)}),
        (Standing.REGISTERED, {"registered": (9, 1)}),
        (Standing.STRANGER, {"strangers": (1, 9)}),
        (Standing.STRANGER, {"strangers": (9, 1)}),
    ],
)
def test_refuses_more_rounds_than_it_can_hold(
    standing: Standing, limits: dict[str, object]
) -> None:
    """SPEC PR-11, PR-15"""
    terms = replace(TERMS, **limits)
    first, second = ask(), ask(deadline=NOW + 301)
    desk, _ = step(EMPTY, Asked(first.id(DOMAIN), first, standing), NOW, terms)
    after, effects = step(desk, Asked(second.id(DOMAIN), second, standing), NOW, terms)
    assert after == desk
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == ["busy"]


def test_strangers_take_no_place_from_the_registered_nor_those_from_the_funded() -> None:
    """SPEC PR-15"""
    terms = replace(TERMS, strangers=(2, 3), registered=(2, 3), open_rounds=2, all_rounds=3)
    desk = EMPTY
    for standing in Standing:
        for number in range(4):
            client = f"0x{standing:020x}{number + 1:020x}"
            request = ask(deadline=NOW + 300 + number)
            request = replace(request, channel=replace(request.channel, client=client))
            before = desk
            desk, _ = step(before, Asked(request.id(DOMAIN), request, standing), NOW, terms)
            assert (desk is before) == (number == 3)


def test_a_prompt_frees_the_place_of_a_stranger() -> None:
    """Its channel was looked at by then. (SPEC PR-15)"""
    terms = replace(TERMS, strangers=(1, 1))
    first, second = ask(), ask(deadline=NOW + 301)
    desk, _ = step(EMPTY, Asked(first.id(DOMAIN), first), NOW, terms)
    desk, _ = step(desk, Prompted(first.id(DOMAIN), PROMPT), NOW, terms)
    _, effects = step(desk, Asked(second.id(DOMAIN), second), NOW, terms)
    assert effects == (Acknowledge(second.id(DOMAIN), 1),)


def test_only_rounds_without_a_locked_fee_are_still_to_be_paid() -> None:
    request = ask()
    name, client = request.id(DOMAIN), request.channel.client.lower()
    assert unlocked_rounds(play(EMPTY, Asked(name, request)), client) == 1
    assert unlocked_rounds(until_locked(request)[1], client) == 0


def test_refuses_a_prompt_other_than_the_one_asked_with() -> None:
    request = ask()
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request))
    after, effects = step(desk, Prompted(name, OpenPrompt("an eight", PROMPT.salt)), NOW, TERMS)
    assert after == desk
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == ["wrong_prompt"]


def test_refuses_a_prompt_without_a_request_and_one_too_late() -> None:
    request = ask()
    name = request.id(DOMAIN)
    _, effects = step(EMPTY, Prompted(name, PROMPT), NOW, TERMS)
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == [
        "unknown_request"
    ]
    desk = play(EMPTY, Asked(name, request))
    _, effects = step(desk, Prompted(name, PROMPT), NOW + TERMS.patience + 1, TERMS)
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == ["deadline"]


def test_plaintext_is_served_once_its_fee_is_locked() -> None:
    """SPEC PR-6"""
    request = ask()
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT), Made(name, PLAIN, NO_HASH))
    with pytest.raises(InvalidInput, match="locked"):
        may_serve(desk, name)
    desk = play(desk, FeeLocked(id_of(request.channel), lock_for(PLAIN)))
    assert may_serve(desk, name).product == PLAIN
    with pytest.raises(InvalidInput, match="no such round"):
        may_serve(desk, RequestId(b"\0" * 32))


def test_ciphertext_is_served_from_the_announcement_on() -> None:
    """SPEC PR-7"""
    request = ask(LockMode.KEY_RELEASE)
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT), Made(name, SEALED, KEY))
    assert may_serve(desk, name).product == SEALED


@pytest.mark.parametrize(
    "change", [{"amount": FEE - 1}, {"product": b"\x01" * 32}, {"hash": b"\x01" * 32}]
)
def test_a_lock_that_is_not_for_the_round_moves_nothing(change: dict[str, object]) -> None:
    request = ask(LockMode.KEY_RELEASE)
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT), Made(name, SEALED, KEY))
    lock = replace(lock_for(SEALED), **change)
    assert play(desk, FeeLocked(id_of(request.channel), lock)) == desk


def test_a_client_that_takes_content_and_does_not_pay_is_served_no_more() -> None:
    """SPEC PR-6"""
    desk = EMPTY
    for index in range(TERMS.unpaid + 1):
        request = ask(deadline=NOW + 300 + index)
        name, fresh = until_locked(request, served=True)
        desk = replace(desk, rounds={**desk.rounds, name: fresh.rounds[name]})
        desk = play(desk, FeeConcluded(id_of(request.channel), lock_for(PLAIN), paid=False))
    assert desk.unpaid == {CLIENT.address: TERMS.unpaid + 1}
    request = ask(deadline=NOW + 999)
    _, effects = step(desk, Asked(request.id(DOMAIN), request), NOW, TERMS)
    assert [each.refusal.code for each in effects if isinstance(each, Refuse)] == ["unpaid"]


def test_a_round_lost_before_content_left_is_held_against_nobody() -> None:
    request = ask()
    _, desk = until_locked(request)
    desk = play(desk, FeeConcluded(id_of(request.channel), lock_for(PLAIN), paid=False))
    assert desk.unpaid == {}


def test_what_nobody_locks_for_in_time_is_given_up_and_later_forgotten() -> None:
    request = ask()
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT), Made(name, PLAIN, NO_HASH))
    assert play(desk, Tick(), now=request.deadline) == desk
    lost = play(desk, Tick(), now=request.deadline + 1)
    assert lost.rounds[name].stage is Stage.LOST
    assert play(lost, Tick(), now=request.deadline + TERMS.kept + 1).rounds == {}


def test_a_deadline_far_away_keeps_no_round_open_for_ever() -> None:
    """SPEC PR-11"""
    request = ask(deadline=2**63)
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT))
    assert desk.rounds[name].deadline == NOW + TERMS.longest
    desk = play(desk, Tick(), now=NOW + TERMS.longest + 1)
    assert desk.rounds[name].stage is Stage.LOST


def test_a_locked_round_is_never_given_up_by_time() -> None:
    name, desk = until_locked(ask())
    assert play(desk, Tick(), now=NOW + 10**6).rounds[name].stage is Stage.LOCKED


def test_a_model_that_fails_ends_the_round() -> None:
    request = ask()
    name = request.id(DOMAIN)
    desk = play(EMPTY, Asked(name, request), Prompted(name, PROMPT), NotMade(name))
    assert desk.rounds[name].stage is Stage.LOST
    assert play(desk, Made(name, PLAIN, NO_HASH)) == desk


def test_a_restarted_provider_makes_and_announces_again() -> None:
    """SPEC PR-10"""
    making, made = ask(), ask(deadline=NOW + 301)
    desk = play(
        EMPTY,
        Asked(making.id(DOMAIN), making),
        Prompted(making.id(DOMAIN), PROMPT),
        Asked(made.id(DOMAIN), made),
        Prompted(made.id(DOMAIN), PROMPT),
        Made(made.id(DOMAIN), PLAIN, NO_HASH),
    )
    assert resume(desk) == (
        Generate(making.id(DOMAIN), PROMPT.text),
        Announce(made.id(DOMAIN)),
    )

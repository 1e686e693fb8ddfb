"""What is signed around a lock, and what is refused. (SPEC PR-4 to PR-7)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.errors import InvalidInput
from handfast.protocol.constants import LockMode
from handfast.rounds.messages import (
    ANNOUNCEMENT,
    NO_HASH,
    REQUEST,
    OpenPrompt,
    check_acknowledgement,
    check_announcement,
    check_request,
    prompt_hash,
    sign_acknowledgement,
    sign_announcement,
    sign_request,
)
from tests.core.rounds.parties import CLIENT, DOMAIN, FEE, NOW, PLAIN, PROMPT, PROVIDER, SEALED, ask


def test_a_request_survives_the_wire_and_names_its_round() -> None:
    request = ask()
    read = REQUEST.decode(REQUEST.encode(request))
    assert check_request(read, DOMAIN) == request.id(DOMAIN)


@pytest.mark.parametrize(
    "change", [{"max_fee": FEE + 1}, {"deadline": NOW}, {"signature": b"\1" * 65}]
)
def test_refuses_a_request_that_was_changed(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="not signed by the client"):
        check_request(replace(ask(), **change), DOMAIN)


def test_refuses_a_request_made_for_another_chain() -> None:
    other = replace(DOMAIN, chain_id=1)
    with pytest.raises(InvalidInput, match="not signed"):
        check_request(ask(), other)


def test_refuses_a_request_without_a_mode_of_lock() -> None:
    with pytest.raises(InvalidInput, match="mode"):
        check_request(ask(LockMode.ABSENT), DOMAIN)


def test_nobody_signs_for_another_client() -> None:
    request = ask()
    with pytest.raises(InvalidInput, match="not the client"):
        sign_request(request.channel, request.details, FEE, NOW, signer=PROVIDER, domain=DOMAIN)


def test_the_salt_hides_a_prompt_that_could_be_guessed() -> None:
    assert prompt_hash(PROMPT) != prompt_hash(OpenPrompt(PROMPT.text, b"\6" * 32))


@pytest.mark.parametrize("step", [1, 2])
def test_an_acknowledgement_holds_for_its_request_and_step(step: int) -> None:
    request = ask()
    answer = sign_acknowledgement(request, step, FEE, NOW, signer=PROVIDER, domain=DOMAIN)
    check_acknowledgement(request, answer, step, FEE, DOMAIN)
    with pytest.raises(InvalidInput, match="step"):
        check_acknowledgement(request, answer, 3 - step, FEE, DOMAIN)
    with pytest.raises(InvalidInput, match="not signed by the provider"):
        check_acknowledgement(ask(salt=b"\4" * 32), answer, step, FEE, DOMAIN)


def test_refuses_a_fee_above_the_clients_limit() -> None:
    request = ask()
    answer = sign_acknowledgement(request, 1, FEE + 1, NOW, signer=PROVIDER, domain=DOMAIN)
    with pytest.raises(InvalidInput, match="asks for"):
        check_acknowledgement(request, answer, 1, FEE, DOMAIN)


def test_refuses_an_acknowledgement_by_anybody_else() -> None:
    request = ask()
    answer = sign_acknowledgement(request, 1, FEE, NOW, signer=CLIENT, domain=DOMAIN)
    with pytest.raises(InvalidInput, match="not signed by the provider"):
        check_acknowledgement(request, answer, 1, FEE, DOMAIN)


def test_an_announcement_survives_the_wire(mode: LockMode) -> None:
    request = ask(mode)
    product = PLAIN if mode is LockMode.CLIENT_NUMBER else SEALED
    made = sign_announcement(request.id(DOMAIN), product, PROVIDER, DOMAIN)
    check_announcement(request, ANNOUNCEMENT.decode(ANNOUNCEMENT.encode(made)), DOMAIN)


def test_refuses_an_announcement_that_was_changed(mode: LockMode) -> None:
    request = ask(mode)
    product = PLAIN if mode is LockMode.CLIENT_NUMBER else SEALED
    made = sign_announcement(request.id(DOMAIN), product, PROVIDER, DOMAIN)
    changed = replace(made, product=replace(product, digest=b"\x0a" * 32))
    with pytest.raises(InvalidInput, match="not signed by the provider"):
        check_announcement(request, changed, DOMAIN)


def test_refuses_an_announcement_that_does_not_fit_the_mode_of_lock(mode: LockMode) -> None:
    request = ask(mode)
    product = SEALED if mode is LockMode.CLIENT_NUMBER else PLAIN
    made = sign_announcement(request.id(DOMAIN), product, PROVIDER, DOMAIN)
    with pytest.raises(InvalidInput, match="does not fit"):
        check_announcement(request, made, DOMAIN)


def test_refuses_an_announcement_of_nothing() -> None:
    request = ask()
    nothing = replace(PLAIN, digest=NO_HASH)
    made = sign_announcement(request.id(DOMAIN), nothing, PROVIDER, DOMAIN)
    with pytest.raises(InvalidInput, match="no product"):
        check_announcement(request, made, DOMAIN)

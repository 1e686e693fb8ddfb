"""What a prompt asks for. (SPEC INF-2)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.errors import InvalidInput
from handfast.inference.prompts import MAX_PROMPT, parse_digit


@pytest.mark.parametrize(
    ("prompt", "digit"),
    [
        ("a handwritten seven", 7),
        ("digit 7", 7),
        ("7", 7),
        ("a Seven", 7),
        ("the number three", 3),
        ("Please draw a hand-written zero.", 0),
        ('an image of the digit "4"', 4),
        ("  NINE!  ", 9),
    ],
)
def test_finds_the_digit_that_is_asked_for(prompt: str, digit: int) -> None:
    assert parse_digit(prompt) == digit


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("a cat", "cannot draw 'cat'"),
        ("seventeen", "cannot draw 'seventeen'"),
        ("42", "cannot draw '42'"),
        ("-7", "cannot draw '-7'"),
        ("not a seven", "cannot draw 'not'"),
        ("7 or 8", "cannot draw 'or'"),
        ("a seven, an eight", "2 digits are asked for"),
        ("3.5", "2 digits are asked for"),
        ("a handwritten digit", "0 digits are asked for"),
        ("", "cannot read"),
        ("7\n", "cannot read"),
        ("٧", "cannot read"),
        ("draw <b>7</b>", "cannot read"),
        ("7" + " " * MAX_PROMPT, "at most"),
    ],
)
def test_refuses_what_it_cannot_draw_and_says_why(prompt: str, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        parse_digit(prompt)


@given(st.text())
def test_any_text_gives_a_digit_or_a_clear_refusal(prompt: str) -> None:
    try:
        outcome: int | str = parse_digit(prompt)
    except InvalidInput as error:
        outcome = str(error)
    assert outcome in range(10) or "\n" not in str(outcome)

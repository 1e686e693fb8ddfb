"""Which digit a prompt asks for."""

from __future__ import annotations

import re

from handfast.errors import InvalidInput

MAX_PROMPT = 200
"""Longest prompt that is read, in characters."""

_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {numeral: digit for digit, numeral in enumerate(_NUMERALS)} | {
    str(digit): digit for digit in range(10)
}
_FILLER = re.compile(
    "an?|the|of|me|please|draw|write|show|picture|image|drawing|(hand-?)?(written|drawn)|"
    "digit|number|numeral|figure"
)
_WORDS = re.compile(r"[a-z0-9-]+")
_READABLE = re.compile(r"[A-Za-z0-9 .,!?\"'-]+")
_HINT = 'ask for one digit, such as "a handwritten seven" or "7"'


def parse_digit(prompt: str) -> int:
    """Find the one digit that a prompt asks for, as in "a handwritten seven" or "digit 7".

    returns  0 to 9
    raises   InvalidInput if it asks for none, for several, or for anything else
    """
    if len(prompt) > MAX_PROMPT:
        raise InvalidInput(f"the prompt has {len(prompt)} characters, at most {MAX_PROMPT}")
    if not _READABLE.fullmatch(prompt):
        raise InvalidInput(f"cannot read {prompt!r}: {_HINT}")
    words = [word for word in _WORDS.findall(prompt.lower()) if not _FILLER.fullmatch(word)]
    for word in words:
        if word not in _DIGITS:
            raise InvalidInput(f"cannot draw {word!r}: {_HINT}")
    if len(words) != 1:
        raise InvalidInput(f"{len(words)} digits are asked for: {_HINT}")
    return _DIGITS[words[0]]

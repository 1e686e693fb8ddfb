"""Scores from a written history of opinions: the same rules without a roll-up. (SPEC RP-23 to 29)

Clients and providers are named by any text, fees are positive integers of any unit: only their
proportions count. Up to MAX_FEE_UNITS the arithmetic is what the roll-up would compute.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from sys import intern

from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE
from handfast.reputation.rules import (
    NEWCOMER,
    Pair,
    Score,
    neutral_score,
    personal_score,
    rate,
    scene_of,
)

COLUMNS = ("client", "provider", "satisfied", "fee", "epoch")
VERDICTS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
MAX_FEE = (1 << 128) - 1
MAX_DIGITS = 40
"""One more than MAX_FEE has: what is cut off does not make a number acceptable."""

History = dict[str, dict[str, Pair]]
"""What each client holds of each provider, by provider, both in the order of arrival."""


def read_history(lines: Iterable[str], present: int) -> History:
    """Read opinions in the order of arrival from CSV: COLUMNS, with a header line or without.

    satisfied   one of VERDICTS, in any case
    present     no opinion is of a later epoch
    raises      InvalidInput with the line's number at the first line that is not an opinion, is of
                a later epoch, or of an earlier one than the pair's opinion before it
    """
    history: History = {}
    rows = csv.reader(lines, strict=True, skipinitialspace=True)
    try:
        for row in rows:
            if len(row) == len(COLUMNS):
                if rows.line_num > 1 or not _is_header(row):
                    _add(history, row, present)
            elif row:
                raise InvalidInput(f"{len(row)} fields, not {len(COLUMNS)}: {','.join(COLUMNS)}")
    except (csv.Error, InvalidInput) as problem:
        raise InvalidInput(f"line {rows.line_num}: {problem}") from problem
    except UnicodeDecodeError as problem:
        raise InvalidInput(f"after line {rows.line_num}: not UTF-8 text") from problem
    return history


def _is_header(row: list[str]) -> bool:
    return tuple(name.strip().lower() for name in row) == COLUMNS


def _add(history: History, row: list[str], present: int) -> None:
    client, provider, verdict, fee_text, epoch_text = row
    satisfied = VERDICTS.get(verdict)
    if satisfied is None:
        satisfied = _verdict(verdict)
    digits = fee_text + epoch_text
    if digits.isdecimal() and digits.isascii() and fee_text and epoch_text:
        fee, epoch = int(fee_text[:MAX_DIGITS]), int(epoch_text[:MAX_DIGITS])
    else:
        fee, epoch = _integer(fee_text), _integer(epoch_text)
    if not 0 < fee <= MAX_FEE:
        raise InvalidInput(f"fee {fee_text!r} is not an integer from 1 to {MAX_FEE}")
    if not 0 <= epoch <= present:
        if epoch > present:
            raise InvalidInput(f"epoch {epoch} is after {present}, the epoch of the scores")
        raise InvalidInput(f"epoch {epoch_text!r} is not an integer from 0 on")
    if not client or not provider:
        raise InvalidInput("a client or provider without a name")
    clients = history.get(provider)
    if clients is None:
        clients = history[provider] = {}
    clients[intern(client)] = rate(clients.get(client, NEWCOMER), satisfied, fee, epoch)


def _verdict(text: str) -> bool:
    satisfied = VERDICTS.get(text.strip().lower())
    if satisfied is None:
        raise InvalidInput(f"satisfied is {text!r}, not one of {', '.join(VERDICTS)}")
    return satisfied


def _integer(text: str) -> int:
    """The value of decimal digits, spaces around them ignored; -1 for any other text."""
    digits = text.strip()[:MAX_DIGITS]
    return int(digits) if digits.isdecimal() and digits.isascii() else -1


def neutral_scores(history: History, epoch: int) -> dict[str, Score]:
    """Each provider's score in nobody's eyes in particular. (RP-28)"""
    return {
        provider: neutral_score(clients.values(), scene_of(clients.values(), epoch))
        for provider, clients in history.items()
    }


def personal_scores(
    history: History, epoch: int, client: str, sensitivity: int
) -> dict[str, Score]:
    """Each provider's score in the eyes of a client, who need not be in the history. (RP-29)

    sensitivity   out of SCALE
    """
    scores = {}
    for provider, clients in history.items():
        others = [pair for name, pair in clients.items() if name != client]
        scene = scene_of(clients.values(), epoch)
        scores[provider] = personal_score(others, clients.get(client), scene, sensitivity)
    return scores


def parse_share(text: str) -> int:
    """A decimal from 0 to 1 as a share of SCALE, further digits cut off.

    raises   InvalidInput if it is anything else
    """
    try:
        share = Decimal(text)
    except InvalidOperation as problem:
        raise InvalidInput(f"{text!r} is not a decimal") from problem
    if not (share.is_finite() and 0 <= share <= 1):
        raise InvalidInput(f"{text} is not between 0 and 1")
    return int(share * SCALE)

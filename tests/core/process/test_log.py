"""Logs are structured and hold no secret, however deep it hides. (SPEC PR-13)"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from handfast import log

SECRET = "5ec2e7"

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[Written]:
    """Configures JSON logs; calling it returns what was written so far."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("info", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name",
    [
        "secret", "client_secret", "preimage", "private_key", "key", "decryption_key",
        "password", "passphrase", "mnemonic", "seed", "prompt", "Authorization", "API_KEY",
    ],
)  # fmt: skip
def test_hides_secret_values_at_any_depth(written: Written, name: str) -> None:
    log.get("t").info("e", **{name: SECRET}, deep={"a": [{name: SECRET}, ({name: SECRET},)]})
    (line,) = written()
    assert line[name] == log.REDACTED
    assert SECRET not in json.dumps(line)
    assert json.dumps(line).count(log.REDACTED) == 3


@pytest.mark.parametrize("name", ["token", "public_key", "keys_root", "channel", "key_epoch"])
def test_shows_what_is_public(written: Written, name: str) -> None:
    log.get("t").info("e", **{name: "0x5a"})
    assert written()[0][name] == "0x5a"


def test_an_event_is_one_line_with_time_level_and_logger(written: Written) -> None:
    log.get("handfast.town").warning("lock expired", amount=2**200, root=bytes(2))
    (line,) = written()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "lock expired",
        "level": "warning",
        "logger": "handfast.town",
        "amount": 2**200,
        "root": "0x0000",
    }


def test_what_a_library_logs_passes_the_same_way(written: Written) -> None:
    logging.getLogger("aiohttp.access").info("GET %s", "/health")
    assert written()[0]["event"] == "GET /health"


def test_leaves_out_what_is_below_the_level(written: Written) -> None:
    log.get("t").debug("e")
    assert written() == []


def test_an_exception_is_part_of_its_line(written: Written) -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        log.get("t").exception("failed")
    (line,) = written()
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_a_bound_context_comes_with_every_event(written: Written) -> None:
    with structlog.contextvars.bound_contextvars(channel="0x5a"):
        log.get("t").info("e")
    assert written()[0]["channel"] == "0x5a"


def test_the_console_form_hides_secrets_too() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("info", "console", stream)
    log.get("t").info("paid", preimage=SECRET, amount=7)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    assert "amount=7" in stream.getvalue()
    assert SECRET not in stream.getvalue()

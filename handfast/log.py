"""Structured logs: one event a line, as JSON or for a terminal, without secrets. (SPEC PR-13)"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["console", "json"]

REDACTED = "[redacted]"

# Names whose values are secret, or were sent in confidence. `token` is an ERC-20 here, no secret.
_SECRET = re.compile(
    r"secret|preimage|private|passw|passphrase|mnemonic|seed|prompt|authorization|(^|_)key$",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"^(public|verifying)_", re.IGNORECASE)


def configure(
    level: Level = "info", form: Format = "console", stream: TextIO | None = None
) -> None:
    """Send the logs of this process, its libraries' included, to `stream` (standard error)."""
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form, target),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _renderers(form: Format, stream: TextIO) -> list[Processor]:
    if form == "json":
        return [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), sort_keys=False)]


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module: `log = get(__name__)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide the values of secret names, however deep; show bytes as hexadecimal digits."""
    return {name: REDACTED if _is_secret(name) else _shown(value) for name, value in event.items()}


def _is_secret(name: object) -> bool:
    text = str(name)
    return bool(_SECRET.search(text)) and not _PUBLIC.match(text)


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: REDACTED if _is_secret(name) else _shown(it) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(element) for element in value]
    return value

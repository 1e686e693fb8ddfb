"""The four ways in which work can fail; every loop and command handles exactly these."""

from __future__ import annotations


class HandfastError(Exception):
    """Base of the errors below. Its text is one line that a user can act on."""


class InvalidInput(HandfastError):
    """The caller's fault: malformed, out of range, or against a rule. Nothing was changed."""


class Rejected(HandfastError):
    """The chain or a peer refused. `reason` carries the decoded Solidity error or the peer's code.

    reason   e.g. "ChannelNotOpen(0x…, 2)", or a wire error code such as "stale_version"
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(HandfastError):
    """Somebody did not answer. Retrying later, with backoff, may succeed."""


class InvariantBroken(HandfastError):
    """A rule that cannot fail has failed: stop the process. Never caught by a loop."""

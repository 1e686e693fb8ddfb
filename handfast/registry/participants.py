"""What a participant is: its id, account, roles, bond, endpoint and keys. (SPEC RG-1 to RG-4)"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, NewType
from urllib.parse import urlsplit

from handfast.errors import InvalidInput
from handfast.protocol import constants
from handfast.protocol.constants import MAX_ENDPOINT_BYTES

ParticipantId = NewType("ParticipantId", int)
"""1 to 2^32 - 1, in the order of registration."""

NO_METADATA = bytes(32)


class Role(IntFlag):
    """What a participant does; any number of them together."""

    PROVIDER = constants.ROLE_PROVIDER
    CLIENT = constants.ROLE_CLIENT
    COORDINATOR = constants.ROLE_COORDINATOR
    WATCHER = constants.ROLE_WATCHER
    VOTER = constants.ROLE_VOTER
    COMPUTE = constants.ROLE_COMPUTE

    @classmethod
    def parse(cls, names: Iterable[str]) -> Role:
        """Read names such as "provider".

        raises   InvalidInput if one is unknown, or there is none
        """
        roles = cls(0)
        for name in names:
            if name.upper() not in cls.__members__:
                known = ", ".join(role.lower() for role in cls.__members__)
                raise InvalidInput(f"{name!r} is no role; roles are {known}")
            roles |= cls[name.upper()]
        if not roles:
            raise InvalidInput("a participant has at least one role")
        return roles


@dataclass(frozen=True, slots=True)
class Participant:
    """One entry of the registry, as its struct of that name.

    key_epoch         which pair of keys these are, from 1
    holds             what of the participant's is open: the bond stays while it is not 0
    bond, unbonding   smallest units of MarketToken
    withdrawable_at   absolute seconds
    metadata          sha2-256 of its metadata document; NO_METADATA for none
    endpoint          as registered, not checked; see `check_endpoint`
    signing_key       48 bytes, compressed; so is decryption_key
    """

    id: ParticipantId
    account: str
    roles: Role
    key_epoch: int
    holds: int
    bond: int
    unbonding: int
    withdrawable_at: int
    metadata: bytes
    endpoint: str
    signing_key: bytes
    decryption_key: bytes

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> Participant:
        """Read the registry's struct, its fields in order."""
        id_, account, roles, *rest = struct
        return cls(ParticipantId(id_), account, Role(roles), *rest)

    @property
    def registered(self) -> bool:
        """Whether it has any role: whoever gave up all of them is deregistered."""
        return bool(self.roles)


def check_endpoint(text: str) -> str:
    """Check that an endpoint is a URL that a client can use.

    returns  the same text
    raises   InvalidInput if it is too long, or not http(s) with a host and at most a port and path
    """
    if len(text.encode()) > MAX_ENDPOINT_BYTES:
        raise InvalidInput(f"an endpoint has at most {MAX_ENDPOINT_BYTES} bytes")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput(f"endpoint {text!r} has characters that no URL has")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as fault:
        raise InvalidInput(f"endpoint {text!r} is no URL: {fault}") from None
    if url.scheme not in {"http", "https"} or not url.hostname or port == 0:
        raise InvalidInput(f"endpoint {text!r} is not of the form http(s)://host[:port][/path]")
    if "@" in url.netloc or "?" in text or "#" in text:
        raise InvalidInput(f"endpoint {text!r} must not have a user, a query or a fragment")
    return text

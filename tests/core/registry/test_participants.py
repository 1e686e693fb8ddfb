"""What participants are, and which endpoints clients can use. (SPEC RG-2, RG-3)"""

from __future__ import annotations

import pytest

from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_ENDPOINT_BYTES, ROLE_MASK
from handfast.registry.participants import Participant, Role, check_endpoint

STRUCT = (
    *(7, "0x" + "a1" * 20, 3, 2, 1),
    *(1_000, 50, 1_900_000_000, bytes(32), "https://a.example", b"\x01" * 48, b"\x02" * 48),
)


def test_reads_the_registrys_struct() -> None:
    participant = Participant.decode(STRUCT)
    assert participant.id == 7
    assert participant.roles == Role.PROVIDER | Role.CLIENT
    assert (participant.key_epoch, participant.holds) == (2, 1)
    assert (participant.bond, participant.unbonding) == (1_000, 50)
    assert participant.decryption_key == b"\x02" * 48
    assert participant.registered


def test_without_roles_it_is_not_registered() -> None:
    assert not Participant.decode((*STRUCT[:2], 0, *STRUCT[3:])).registered


def test_the_roles_are_all_flags_of_the_protocol() -> None:
    assert sum(Role) == ROLE_MASK


def test_reads_roles_by_name() -> None:
    assert Role.parse(["provider"]) == Role.PROVIDER
    assert Role.parse(["watcher", "Coordinator"]) == Role.WATCHER | Role.COORDINATOR


@pytest.mark.parametrize("names", [[], ["king"], ["provider", ""]])
def test_refuses_unknown_roles_and_none(names: list[str]) -> None:
    with pytest.raises(InvalidInput, match="role"):
        Role.parse(names)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost:8080",
        "https://provider.example",
        "https://provider.example/a/path",
        "http://127.0.0.1:1",
        "http://[::1]:8080",
        "https://a.example/" + "x" * (MAX_ENDPOINT_BYTES - 18),
    ],
)
def test_accepts_urls_of_a_host(endpoint: str) -> None:
    assert check_endpoint(endpoint) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "provider.example",
        "ftp://provider.example",
        "file:///etc/passwd",
        "https://",
        "https://:8080",
        "https://host:port",
        "https://host:0",
        "https://host:65536",
        "https://[::1",
        "https://user:secret@host",
        "https://host?query",
        "https://host#fragment",
        "https://host/with space",
        "https://host/\n",
        "https://hóst",
        "https://a.example/" + "x" * (MAX_ENDPOINT_BYTES - 17),
    ],
)
def test_refuses_what_no_client_can_use(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        check_endpoint(endpoint)

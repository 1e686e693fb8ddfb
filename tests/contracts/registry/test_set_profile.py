"""A participant alone changes its roles, endpoint and metadata. (SPEC RG-2, RG-3)"""

from __future__ import annotations

from handfast.protocol.constants import (
    MAX_ENDPOINT_BYTES,
    ROLE_COORDINATOR,
    ROLE_MASK,
    ROLE_WATCHER,
)
from tests.chain import plain, reverts

ROLES = ROLE_COORDINATOR | ROLE_WATCHER
OTHER = bytes(range(1, 33))


def test_replaces_all_of_it(bonded, provider):
    before = plain(bonded.participantOf(1))
    transaction = bonded.setProfile((ROLES, OTHER, "http://here"), {"from": provider})
    after = plain(bonded.participantOf(1))
    assert (after[2], after[8], after[9]) == (ROLES, OTHER, "http://here")
    assert bonded.rolesOf(1) == ROLES
    unchanged = (0, 1, 3, 4, 5, 6, 7, 10, 11)
    assert [after[at] for at in unchanged] == [before[at] for at in unchanged]
    changed = transaction.events["ProfileChanged"]
    assert plain(changed.values()) == (1, ROLES, OTHER, "http://here")


def test_reverts_when_sender_is_no_participant(bonded, stranger):
    with reverts("NotParticipant", stranger):
        bonded.setProfile((ROLES, OTHER, ""), {"from": stranger})


def test_reverts_when_roles_are_none_or_unknown(bonded, provider):
    for roles in (0, ROLE_MASK + 1):
        with reverts("InvalidRoles", roles, ROLE_MASK):
            bonded.setProfile((roles, OTHER, ""), {"from": provider})


def test_reverts_when_the_endpoint_is_too_long(bonded, provider):
    with reverts("EndpointTooLong", MAX_ENDPOINT_BYTES + 1, MAX_ENDPOINT_BYTES):
        bonded.setProfile((ROLES, OTHER, "x" * (MAX_ENDPOINT_BYTES + 1)), {"from": provider})

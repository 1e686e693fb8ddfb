"""Everything about participants is read from the contract itself. (SPEC RG-14, RG-I3)"""

from __future__ import annotations

import pytest

from tests.chain import plain, reverts
from tests.contracts.registry.conftest import CLIENT_PROFILE, UNBONDING_PERIOD


@pytest.fixture
def three(bonded, client, stranger, prove):
    for account in (client, stranger):
        bonded.register(CLIENT_PROFILE, prove(account).words(), 0, {"from": account})
    return bonded


def test_pages_through_participants(three):
    everyone = [plain(three.participantOf(id_)) for id_ in (1, 2, 3)]
    assert list(plain(three.participantsFrom(1, 10))) == everyone
    assert list(plain(three.participantsFrom(1, 2))) == everyone[:2]
    assert list(plain(three.participantsFrom(3, 2))) == everyone[2:]
    assert list(plain(three.participantsFrom(2, 0))) == []


def test_there_is_nobody_beyond_the_last(three):
    for first in (4, 2**32 - 1):
        assert plain(three.participantsFrom(first, 2**256 - 1)) == ()


def test_a_page_can_ask_for_everybody(three):
    assert len(three.participantsFrom(1, 2**256 - 1)) == three.participantCount() == 3


def test_reverts_where_nobody_can_be(three):
    with reverts("UnknownParticipant", 0):
        three.participantsFrom(0, 1)
    for absent in (0, 4):
        with reverts("UnknownParticipant", absent):
            three.participantOf(absent)


def test_single_answers_are_zero_for_nobody(three, deployer):
    assert three.idOf(deployer) == 0
    for absent in (0, 4):
        assert int(three.accountOf(absent), 16) == 0
        assert three.rolesOf(absent) == three.bondOf(absent) == 0


def test_ids_and_accounts_are_one_to_one(three, provider, client, stranger):
    accounts = [three.accountOf(id_) for id_ in (1, 2, 3)]
    assert accounts == [provider, client, stranger]
    assert [three.idOf(account) for account in accounts] == [1, 2, 3]


def test_names_what_it_was_deployed_with(registry, token, deployer):
    assert registry.MARKET_TOKEN() == token
    assert registry.OWNER() == deployer
    assert registry.UNBONDING_PERIOD() == UNBONDING_PERIOD


def test_a_decryption_key_is_found_by_account(bonded, provider, prove):
    """RG-7: what a contract reads before something is encrypted to the account."""
    head, tail = bonded.decryptionKeyOf(provider)
    assert bytes(head) + bytes(tail) == bytes(prove(provider).decryption)
    bonded.rotateKeys(prove(provider, 2).words(), {"from": provider})
    head, tail = bonded.decryptionKeyOf(provider)
    assert bytes(head) + bytes(tail) == bytes(prove(provider, 2).decryption)


def test_who_is_not_registered_has_no_decryption_key(bonded, stranger):
    with reverts("NotParticipant", stranger):
        bonded.decryptionKeyOf(stranger)


def test_the_bond_of_an_account_is_that_of_its_id(bonded, provider, stranger):
    assert bonded.bondOfAccount(provider) == bonded.bondOf(1) == 1_000
    assert bonded.bondOfAccount(stranger) == 0

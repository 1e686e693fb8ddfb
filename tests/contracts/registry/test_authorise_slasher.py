"""The owner names the contracts that may slash, until it seals the registry. (SPEC RG-10)"""

from __future__ import annotations

from tests.chain import reverts


def test_names_a_contract(registry, deployer, contract_account):
    assert not registry.isSlasher(contract_account)
    transaction = registry.authoriseSlasher(contract_account, {"from": deployer})
    assert registry.isSlasher(contract_account)
    assert transaction.events["SlasherAuthorised"] == {"slasher": contract_account}


def test_reverts_when_sender_is_not_the_owner(registry, stranger, contract_account):
    assert registry.OWNER() != stranger
    with reverts("NotOwner", stranger):
        registry.authoriseSlasher(contract_account, {"from": stranger})


def test_reverts_when_the_slasher_is_no_contract(registry, deployer, stranger):
    with reverts("SlasherWithoutCode", stranger):
        registry.authoriseSlasher(stranger, {"from": deployer})


def test_reverts_after_the_seal(registry, deployer, contract_account):
    registry.seal({"from": deployer})
    with reverts("RegistryIsSealed"):
        registry.authoriseSlasher(contract_account, {"from": deployer})

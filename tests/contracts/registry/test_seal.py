"""The seal ends the owner's power, and nothing else. (SPEC RG-10)"""

from __future__ import annotations

from tests.chain import reverts


def test_seals_for_ever(registry, deployer):
    assert not registry.isSealed()
    transaction = registry.seal({"from": deployer})
    assert registry.isSealed()
    assert "RegistrySealed" in transaction.events
    with reverts("RegistryIsSealed"):
        registry.seal({"from": deployer})


def test_leaves_the_slashers_that_were_named(bonded, slasher, deployer):
    bonded.seal({"from": deployer})
    assert bonded.isSlasher(slasher)
    bonded.hold(1, {"from": slasher})


def test_reverts_when_sender_is_not_the_owner(registry, stranger):
    with reverts("NotOwner", stranger):
        registry.seal({"from": stranger})

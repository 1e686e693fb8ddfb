"""Registering gives an account its id, after it has proven its keys. (SPEC RG-1 to RG-5, RG-I2)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from brownie import chain
from py_arkworks_bls12381 import G2Point

from handfast.crypto.bls import ORDER, SecretKey, Signature
from handfast.protocol.constants import MAX_ENDPOINT_BYTES, ROLE_MASK
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.chain import plain, reverts
from tests.contracts.registry.conftest import (
    CLIENT_PROFILE,
    ENDPOINT,
    METADATA,
    PROVIDER_PROFILE,
    WEALTH,
    secrets_of,
)
from tests.points import INFINITY_G1, g1, g2, stray_g1, stray_g2


def test_numbers_participants_from_one(registry, provider, client, prove):
    assert registry.idOf(provider) == 0
    registry.register(PROVIDER_PROFILE, prove(provider).words(), 0, {"from": provider})
    registry.register(CLIENT_PROFILE, prove(client).words(), 0, {"from": client})
    assert [registry.idOf(provider), registry.idOf(client)] == [1, 2]
    assert [registry.accountOf(1), registry.accountOf(2)] == [provider, client]
    assert registry.participantCount() == 2


def test_keeps_what_was_registered(registry, provider, prove):
    """The keys too, so that one call tells a client what to encrypt to. (RG-7)"""
    keys = prove(provider)
    registry.register(PROVIDER_PROFILE, keys.words(), 7, {"from": provider})
    assert plain(registry.participantOf(1)) == (
        *(1, provider.address, PROVIDER_PROFILE[0], 1, 0),
        *(7, 0, 0, METADATA, ENDPOINT, bytes(keys.signing), bytes(keys.decryption)),
    )


def test_tells_what_happened(registry, provider, prove):
    keys = prove(provider)
    transaction = registry.register(PROVIDER_PROFILE, keys.words(), 7, {"from": provider})
    events = transaction.events
    assert plain(events["Registered"].values()) == (1, provider.address)
    assert plain(events["ProfileChanged"].values()) == (1, PROVIDER_PROFILE[0], METADATA, ENDPOINT)
    signing, decryption = bytes(keys.signing), bytes(keys.decryption)
    assert plain(events["KeysChanged"].values()) == (
        *(1, 1, (signing[:32], signing[32:]), (decryption[:32], decryption[32:])),
    )
    assert plain(events["BondAdded"].values()) == (1, provider.address, 7)


def test_pulls_the_bond(registry, token, provider, prove):
    registry.register(PROVIDER_PROFILE, prove(provider).words(), 7, {"from": provider})
    assert registry.bondOf(1) == token.balanceOf(registry) == 7
    assert token.balanceOf(provider) == WEALTH - 7


def test_registers_contract_accounts(registry, contract_account, prove):
    keys = prove(contract_account).words()
    registry.register(CLIENT_PROFILE, keys, 0, {"from": contract_account})
    assert registry.accountOf(1) == contract_account


def test_reverts_when_the_account_is_registered(bonded, provider, prove):
    with reverts("AlreadyRegistered", provider, 1):
        bonded.register(CLIENT_PROFILE, prove(provider, 2).words(), 0, {"from": provider})


@pytest.mark.parametrize("roles", [0, ROLE_MASK + 1, 2**32 - 1])
def test_reverts_when_roles_are_none_or_unknown(registry, provider, prove, roles):
    with reverts("InvalidRoles", roles, ROLE_MASK):
        registry.register((roles, METADATA, ""), prove(provider).words(), 0, {"from": provider})


def test_reverts_when_the_endpoint_is_too_long(registry, provider, prove):
    profile = (ROLE_MASK, METADATA, "x" * (MAX_ENDPOINT_BYTES + 1))
    with reverts("EndpointTooLong", MAX_ENDPOINT_BYTES + 1, MAX_ENDPOINT_BYTES):
        registry.register(profile, prove(provider).words(), 0, {"from": provider})
    profile = (ROLE_MASK, METADATA, "x" * MAX_ENDPOINT_BYTES)
    registry.register(profile, prove(provider).words(), 0, {"from": provider})


def test_reverts_when_the_bond_was_not_allowed(registry, token, provider, prove):
    token.approve(registry, 6, {"from": provider})
    with reverts("ERC20InsufficientAllowance", registry, 6, 7):
        registry.register(PROVIDER_PROFILE, prove(provider).words(), 7, {"from": provider})
    assert registry.participantCount() == 0


@pytest.mark.parametrize("which", [0, 1])
def test_reverts_when_a_key_is_at_infinity(registry, provider, prove, which):
    keys = list(prove(provider).words())
    keys[which] = INFINITY_G1
    with reverts("KeyAtInfinity"):
        registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})


def test_reverts_when_the_proof_is_of_another_account(registry, provider, client, prove):
    with reverts("InvalidPossession", client, 1):
        registry.register(PROVIDER_PROFILE, prove(provider).words(), 0, {"from": client})


def test_reverts_when_the_proof_is_of_another_epoch_chain_or_registry(registry, provider, domain):
    def prove(epoch=1, chain_id=chain.id, contract=registry.address):
        where = Domain(chain_id, contract)
        return prove_possession(*secrets_of(), provider.address, epoch, where).words()

    wrong = (prove(epoch=2), prove(chain_id=chain.id + 1), prove(contract=provider.address))
    for keys in wrong:
        with reverts("InvalidPossession", provider, 1):
            registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})
    registry.register(PROVIDER_PROFILE, prove(), 0, {"from": provider})


def spoiled(keys):
    """Proofs that are wrong, each in its own way."""
    one, two = keys.signing_proof.point, keys.decryption_proof.point
    other = SecretKey(3).public_key()
    yield (
        "swapped proofs",
        replace(keys, signing_proof=keys.decryption_proof, decryption_proof=keys.signing_proof),
    )
    yield "swapped keys", replace(keys, signing=keys.decryption, decryption=keys.signing)
    yield "another signing key", replace(keys, signing=other)
    yield "another decryption key", replace(keys, decryption=other)
    yield (
        "errors that cancel out",
        replace(
            keys,
            signing_proof=Signature(one + G2Point()),
            decryption_proof=Signature(two + -G2Point()),
        ),
    )
    yield (
        "proofs at infinity",
        replace(
            keys,
            signing_proof=Signature(G2Point.identity()),
            decryption_proof=Signature(G2Point.identity()),
        ),
    )
    yield "a stray signing proof", replace(keys, signing_proof=Signature(one + stray_g2()))


def test_reverts_when_a_proof_is_wrong(registry, provider, prove):
    for how, keys in spoiled(prove(provider)):
        with reverts("InvalidPossession", provider, 1):
            registry.register(PROVIDER_PROFILE, keys.words(), 0, {"from": provider})
            pytest.fail(f"accepted {how}")


def test_reverts_when_a_key_is_the_negative_of_the_other(registry, provider, domain):
    """Their sum is infinity, for which anything would be signed, were they not weighted."""
    signing, _ = secrets_of()
    negative = SecretKey(ORDER - signing.scalar)
    honest = prove_possession(signing, negative, provider.address, 1, domain)
    empty = Signature(G2Point.identity())
    unproven = replace(honest, signing_proof=empty, decryption_proof=empty)
    with reverts("InvalidPossession", provider, 1):
        registry.register(PROVIDER_PROFILE, unproven.words(), 0, {"from": provider})
    registry.register(PROVIDER_PROFILE, honest.words(), 0, {"from": provider})


def test_reverts_when_a_point_is_outside_its_subgroup(registry, provider, prove):
    signing, decryption, signing_proof, decryption_proof = prove(provider).words()
    stray_words = g1(stray_g1())
    with reverts("InvalidPossession", provider, 1):
        keys = (stray_words, decryption, signing_proof, decryption_proof)
        registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})
    with reverts("InvalidPoint"):
        keys = (signing, stray_words, signing_proof, decryption_proof)
        registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})
    proof = prove(provider).decryption_proof.point
    with reverts("InvalidPoint"):
        keys = (signing, decryption, signing_proof, g2(proof + stray_g2()))
        registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})


def test_reverts_when_a_point_is_off_its_curve(registry, provider, prove):
    for which in (0, 1):
        keys = list(prove(provider).words())
        x_high, x_low, y_high, y_low = keys[which]
        keys[which] = (x_high, x_low, y_high, y_low ^ 1)
        with reverts("InvalidPoint"):
            registry.register(PROVIDER_PROFILE, keys, 0, {"from": provider})

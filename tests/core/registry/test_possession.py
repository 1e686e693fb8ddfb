"""A proof of possession is good for its keys, account, epoch and registry. (SPEC RG-5, RG-17)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from py_arkworks_bls12381 import GT, G2Point

from handfast.crypto.bls import SecretKey
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import BLS_POSSESSION_TAG
from handfast.protocol.messages import Domain, KeyPossession
from handfast.registry.possession import ProvenKeys, prove_possession, proves_possession

ACCOUNT = "0x" + "a1" * 20
REGISTRY = Domain(31_337, "0x" + "b2" * 20)
SIGNING, DECRYPTION = SecretKey(11), SecretKey(13)
DIGEST = KeyPossession(
    ACCOUNT, 1, keccak(bytes(SIGNING.public_key()) + bytes(DECRYPTION.public_key()))
).digest(REGISTRY)
KEYS = prove_possession(SIGNING, DECRYPTION, ACCOUNT, 1, REGISTRY)


def test_accepts_the_keys_own_proofs() -> None:
    assert proves_possession(KEYS, ACCOUNT, 1, REGISTRY)


@pytest.mark.parametrize(
    ("account", "epoch", "registry"),
    [
        ("0x" + "a2" * 20, 1, REGISTRY),
        (ACCOUNT, 2, REGISTRY),
        (ACCOUNT, 1, Domain(1, REGISTRY.contract)),
        (ACCOUNT, 1, Domain(REGISTRY.chain_id, ACCOUNT)),
    ],
)
def test_refuses_another_account_epoch_chain_or_registry(
    account: str, epoch: int, registry: Domain
) -> None:
    assert not proves_possession(KEYS, account, epoch, registry)


@pytest.mark.parametrize(
    "keys",
    [
        replace(KEYS, signing=SecretKey(12).public_key()),
        replace(KEYS, decryption=SecretKey(12).public_key()),
        replace(KEYS, signing=KEYS.decryption, decryption=KEYS.signing),
        replace(KEYS, signing_proof=KEYS.decryption_proof),
        replace(KEYS, decryption_proof=KEYS.signing_proof),
    ],
)
def test_refuses_other_keys_or_proofs(keys: ProvenKeys) -> None:
    assert not proves_possession(keys, ACCOUNT, 1, REGISTRY)


def test_a_proof_lets_anybody_recognise_a_shared_point() -> None:
    """e(S, H(m)) = e(E, proof): guesses can be checked, which boxes withstand. (RG-17)"""
    hashed = G2Point.hash_to_curve(DIGEST, BLS_POSSESSION_TAG.encode())
    sent = SecretKey(17).public_key()
    shared = DECRYPTION.shared_point(sent)
    pair = [hashed, KEYS.decryption_proof.point]
    assert GT.pairing_check([-shared.point, sent.point], pair)
    guess = SIGNING.shared_point(sent)
    assert not GT.pairing_check([-guess.point, sent.point], pair)

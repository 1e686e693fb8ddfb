"""Decides whether an account has proven to know the secrets of its keys. (SPEC RG-5)"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.crypto.bls import G1Words, G2Words, PublicKey, SecretKey, Signature, verify
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import BLS_POSSESSION_TAG
from handfast.protocol.messages import Domain, KeyPossession

_TAG = BLS_POSSESSION_TAG.encode()


@dataclass(frozen=True, slots=True)
class ProvenKeys:
    """A participant's public keys with a signature of their KeyPossession by each of them."""

    signing: PublicKey
    decryption: PublicKey
    signing_proof: Signature
    decryption_proof: Signature

    def words(self) -> tuple[G1Words, G1Words, G2Words, G2Words]:
        """The struct that ParticipantRegistry takes."""
        return (
            self.signing.words(),
            self.decryption.words(),
            self.signing_proof.words(),
            self.decryption_proof.words(),
        )


def prove_possession(
    signing: SecretKey, decryption: SecretKey, account: str, epoch: int, registry: Domain
) -> ProvenKeys:
    """Prove to a registry that `account` knows both secrets.

    account    address, 0x and 40 digits
    epoch      1 for the registration, one more for each rotation
    registry   chain and address of the ParticipantRegistry
    """
    keys = signing.public_key(), decryption.public_key()
    digest = _digest(*keys, account, epoch, registry)
    return ProvenKeys(*keys, signing.sign(digest, _TAG), decryption.sign(digest, _TAG))


def proves_possession(keys: ProvenKeys, account: str, epoch: int, registry: Domain) -> bool:
    """Whether both proofs hold, for this account, epoch and registry."""
    digest = _digest(keys.signing, keys.decryption, account, epoch, registry)
    return verify(keys.signing, digest, keys.signing_proof, _TAG) and verify(
        keys.decryption, digest, keys.decryption_proof, _TAG
    )


def _digest(
    signing: PublicKey, decryption: PublicKey, account: str, epoch: int, registry: Domain
) -> bytes:
    keys = keccak(bytes(signing) + bytes(decryption))
    return KeyPossession(account, epoch, keys).digest(registry)

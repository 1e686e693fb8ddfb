"""Marketplace, called from Python."""

from __future__ import annotations

from typing import Any

from handfast.market.masking import MaskedKey, SharedPoint
from handfast.market.sealing import ChunkProof, Seal
from handfast.storage.cid import Cid


def sealed_words(promised: Seal, cid: Cid) -> tuple[Any, ...]:
    """The struct `Sealed` of ISealing.sol."""
    roots = promised.key_hash, promised.plaintext_root, promised.ciphertext_root
    return *roots, cid.digest, int(cid.codec), promised.size


def masked_words(handed: MaskedKey) -> tuple[Any, ...]:
    """The struct `MaskedKey`."""
    return handed.ephemeral.words(), handed.masked


def shared_words(shown: SharedPoint) -> tuple[Any, ...]:
    """The struct `SharedPoint`."""
    return shown.key.words(), shown.shared.words(), (shown.challenge, shown.response)


def chunk_words(proof: ChunkProof) -> tuple[Any, ...]:
    """The struct `ChunkProof`."""
    paths = proof.ciphertext_path, proof.plaintext_path
    return proof.position, proof.chunk, proof.digest, *paths

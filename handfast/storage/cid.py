"""Content identifiers: which block is meant, and whether given bytes are that block."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from handfast.errors import InvalidInput

Buffer: TypeAlias = bytes | memoryview

DIGEST_BYTES = 32
_VERSION_1 = 0x01
_SHA2_256 = 0x12
_HASH_NAMES = {0x00: "identity", 0x11: "sha1", 0x13: "sha2-512", 0x1B: "keccak-256"}
_TEXT = re.compile(r"b[a-z2-7]+\Z")
_V0_TEXT = re.compile(r"Qm[1-9A-HJ-NP-Za-km-z]{44}\Z")


class Codec(IntEnum):
    """How a block's bytes are to be read (multicodec table)."""

    RAW = 0x55
    DAG_PB = 0x70


@dataclass(frozen=True, slots=True)
class Cid:
    """A CID version 1 over sha2-256, the only kind the protocol names content by.

    codec    of the root block; on chain it stands beside the digest
    digest   the 32 bytes of the block's sha2-256
    """

    codec: Codec
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != DIGEST_BYTES:
            raise InvalidInput(f"a digest has {DIGEST_BYTES} bytes, not {len(self.digest)}")

    def __str__(self) -> str:
        return "b" + base64.b32encode(bytes(self)).decode().rstrip("=").lower()

    def __bytes__(self) -> bytes:
        return bytes((_VERSION_1, self.codec, _SHA2_256, DIGEST_BYTES)) + self.digest

    @classmethod
    def of(cls, codec: Codec, block: Buffer) -> Cid:
        """The CID of a block's bytes."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> Cid:
        """Read the canonical text form: base32, lower case, no padding.

        raises   InvalidInput for any other version, base, codec or hash, and for spare bits
        """
        if _V0_TEXT.match(text):
            raise InvalidInput(f"{text} is a CID version 0; `ipfs cid base32` gives its version 1")
        if not _TEXT.match(text):
            raise InvalidInput(f"{text!r} is not a CID in base32 (b…)")
        body = text[1:].upper()
        try:
            data = base64.b32decode(body + "=" * (-len(body) % 8))
        except ValueError as error:
            raise InvalidInput(f"{text!r} is not a CID in base32: {error}") from error
        cid = cls.from_bytes(data)
        if str(cid) != text:
            raise InvalidInput(f"{text} is not canonical: its spare bits are set")
        return cid

    @classmethod
    def from_bytes(cls, data: Buffer) -> Cid:
        """Read the binary form; that of version 0 (a bare sha2-256 multihash) means dag-pb.

        raises   InvalidInput for any other version, codec or hash, and for a wrong length
        """
        if len(data) == DIGEST_BYTES + 2 and data[0] == _SHA2_256 and data[1] == DIGEST_BYTES:
            return cls(Codec.DAG_PB, bytes(data[2:]))
        if len(data) < 4 or data[0] != _VERSION_1:
            raise InvalidInput(f"0x{data[:4].hex()}… is not a CID version 1")
        if data[1] not in (Codec.RAW, Codec.DAG_PB):
            raise InvalidInput(f"codec 0x{data[1]:02x} is neither raw (0x55) nor dag-pb (0x70)")
        if data[2] != _SHA2_256:
            name = _HASH_NAMES.get(data[2], f"0x{data[2]:02x}")
            raise InvalidInput(f"hash function {name} is not sha2-256")
        if data[3] != DIGEST_BYTES or len(data) != DIGEST_BYTES + 4:
            raise InvalidInput(f"a sha2-256 CID has {DIGEST_BYTES + 4} bytes, not {len(data)}")
        return cls(Codec(data[1]), bytes(data[4:]))


@dataclass(frozen=True, slots=True)
class Block:
    """A block and the CID that its bytes have."""

    cid: Cid
    data: Buffer

    @classmethod
    def of(cls, codec: Codec, data: Buffer) -> Block:
        return cls(Cid.of(codec, data), data)

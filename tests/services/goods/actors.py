"""What is wrong with hostile and unlucky traders; called in their process before they begin."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Generator
from dataclasses import replace
from typing import Any, BinaryIO

from sqlalchemy.engine.default import DefaultDialect

from handfast.crypto.bls import PublicKey
from handfast.crypto.keccak import keccak
from handfast.journal import Batch, Journal
from handfast.market import bundles, buyer, seller
from handfast.market.masking import MaskedKey, mask
from handfast.market.sealing import WrongChunk, seal
from handfast.market.seals import ChunkProof, Seal
from handfast.market.seller import Seller
from handfast.market.state import Purchase
from handfast.protocol.constants import CHUNK_BYTES
from handfast.storage.ingest import Readable


def hands_over_garbage() -> None:
    """A seller that delivers another key than it promised."""

    def garbage(key: bytes, receiver: PublicKey, context: bytes) -> MaskedKey:
        return mask(keccak(key), receiver, context)

    seller.mask = garbage  # type: ignore[attr-defined]


def never_delivers() -> None:
    """A seller that serves its bundles and hands over no key."""

    async def nothing(_self: Seller, _purchase: Purchase) -> None:
        pass

    Seller.deliver = nothing  # type: ignore[method-assign]


def garbles_a_chunk() -> None:
    """A seller whose ciphertext is not what its own manifest says, in the second chunk."""

    def garbled(content: Readable, key: bytes, scratch: BinaryIO) -> Generator[bytes, None, Seal]:
        data = b"".join(iter(lambda: content.read(1 << 20), b""))
        honest, told = _sealed(data, key)
        lie = data[:CHUNK_BYTES] + bytes([data[CHUNK_BYTES] ^ 1]) + data[CHUNK_BYTES + 1 :]
        other, lied = _sealed(lie, key)
        yield other[: len(data)] + honest[len(data) :]
        return replace(told, ciphertext_root=lied.ciphertext_root)

    bundles.seal = garbled  # type: ignore[attr-defined]


def _sealed(content: bytes, key: bytes) -> tuple[bytes, Seal]:
    spans = seal(io.BytesIO(content), key, io.BytesIO())
    pieces = []
    while True:
        try:
            pieces.append(next(spans))
        except StopIteration as stop:
            return b"".join(pieces), stop.value


def claims_falsely() -> None:
    """A buyer that says a chunk is wrong which is right."""

    def lie(*_: Any) -> None:
        raise WrongChunk(0)

    def whatever(_promised: Seal, _key: bytes, _proof: ChunkProof) -> bool:
        return True

    buyer.open_bundle = lie  # type: ignore[attr-defined]
    buyer.is_wrong_chunk = whatever  # type: ignore[attr-defined]


def dies_at(number: int, *, after: bool) -> None:
    """A process that is killed, as by `kill -9`, at its durable write of this number, from 0: of
    its journal or of its outbox.

    after   whether that write is still done
    """
    left = number

    def counted(write: Any) -> Any:
        def dying(*arguments: Any) -> None:
            nonlocal left
            if left == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            write(*arguments)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        return dying

    honest = Journal.write

    def brought(self: Journal, batch: Batch) -> None:
        if batch:  # an empty one writes nothing
            counted_write(self, batch)

    counted_write = counted(honest)
    Journal.write = brought  # type: ignore[method-assign]
    DefaultDialect.do_commit = counted(DefaultDialect.do_commit)  # type: ignore[method-assign]

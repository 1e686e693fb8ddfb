"""Opens the key of a delivery to a drawn panel, and to nobody else. (SPEC DT-5)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handfast.crypto.bls import PublicKey, SecretKey
from handfast.crypto.keccak import keccak
from handfast.market.masking import mask_with
from handfast.protocol.messages import Domain, PanelKey

_EPHEMERAL_INFO: Final = b"handfast/v1/panel-ephemeral"
_NOBODY: Final = bytes(32)


def open_to_panel(
    key: bytes, tasks: Domain, case: int, seats: Sequence[tuple[str, PublicKey] | None]
) -> tuple[PublicKey, tuple[bytes, ...]]:
    """One ephemeral point, and the key masked for the voter of each seat.

    seats     account and decryption key, seat by seat; None for an empty one
    returns   E and the masked keys; the same again for the same panel, so a repetition reveals no
              more than the first time
    """
    panel = b"".join(bytes(seat[1]) if seat else _NOBODY for seat in seats)
    info = _EPHEMERAL_INFO + tasks.separator + case.to_bytes(32, "big") + keccak(panel)
    ephemeral = SecretKey.derive(key, info)
    masked = tuple(
        mask_with(ephemeral, key, seat[1], PanelKey(case, seat[0]).digest(tasks)).masked
        if seat
        else _NOBODY
        for seat in seats
    )
    return ephemeral.public_key(), masked

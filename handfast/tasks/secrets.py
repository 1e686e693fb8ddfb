"""Derives what a party keeps secret in a task from its key and the content, so that nothing that is
lost on a disk loses money. (SPEC MT-7, DT-8)
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from handfast.crypto.keys import Identity
from handfast.storage.cid import Cid

_MODEL: Final = b"handfast/v1/model-salt"
_VALIDATION: Final = b"handfast/v1/validation-salt"
_DELIVERY: Final = b"handfast/v1/delivery-key"
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class TaskSecrets:
    """The secrets of one account in the tasks of one contract.

    contract   address; `chain_id` of its chain
    """

    identity: Identity
    chain_id: int
    contract: str

    def model_salt(self, task: int, model: Cid) -> bytes:
        """What hides a commitment to a model."""
        return self._derive(_MODEL, task.to_bytes(_WORD, "big") + bytes(model))

    def validation_salt(self, validation: Cid) -> bytes:
        """What hides the validation data of a task that has no number yet."""
        return self._derive(_VALIDATION, bytes(validation))

    def delivery_key(self, task: int, content: bytes) -> bytes:
        """The key that seals a delivery: another content has another one, so that none seals two.

        content   sha2-256 of what is sealed
        """
        return self._derive(_DELIVERY, task.to_bytes(_WORD, "big") + content)

    def _derive(self, use: bytes, subject: bytes) -> bytes:
        place = self.chain_id.to_bytes(_WORD, "big") + bytes.fromhex(self.contract[2:])
        return hmac.new(self.identity.secret, use + place + subject, hashlib.sha256).digest()

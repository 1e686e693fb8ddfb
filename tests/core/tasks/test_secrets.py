"""Secrets of tasks come from the key and the content alone. (SPEC MT-7, DT-8)"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from handfast.crypto.keys import Identity
from handfast.storage.cid import Cid, Codec
from handfast.tasks.secrets import TaskSecrets

CONTRACT = "0x" + "ab" * 20
SECRETS = TaskSecrets(Identity(bytes([7]) * 32), 31_337, CONTRACT)
MODEL = Cid(Codec.DAG_PB, hashlib.sha256(b"model").digest())


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_the_salt_of_a_model_is_as_the_rules_say():
    text = b"handfast/v1/model-salt" + word(31_337) + b"\xab" * 20 + word(5) + bytes(MODEL)
    assert SECRETS.model_salt(5, MODEL) == hmac.digest(bytes([7]) * 32, text, "sha256")


def test_no_two_subjects_share_a_secret():
    """Another task, content, chain, contract, account or use is another secret."""
    others = (
        replace(SECRETS, chain_id=1),
        replace(SECRETS, contract="0x" + "cd" * 20),
        replace(SECRETS, identity=Identity(bytes([8]) * 32)),
    )
    one, two = hashlib.sha256(b"one").digest(), hashlib.sha256(b"two").digest()
    found = [
        *(each.model_salt(1, MODEL) for each in (SECRETS, *others)),
        *(each.validation_salt(MODEL) for each in (SECRETS, *others)),
        *(each.delivery_key(1, one) for each in (SECRETS, *others)),
        SECRETS.model_salt(2, MODEL),
        SECRETS.model_salt(1, Cid(Codec.RAW, MODEL.digest)),
        SECRETS.delivery_key(1, two),
        SECRETS.delivery_key(2, one),
    ]
    assert len(set(found)) == len(found)
    assert {len(each) for each in found} == {32}

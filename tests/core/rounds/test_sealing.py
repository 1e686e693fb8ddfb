"""Content under its key. (SPEC PR-7)"""

from __future__ import annotations

import pytest

from handfast.errors import Rejected
from handfast.rounds.messages import RequestId
from handfast.rounds.sealing import seal, unseal

KEY, REQUEST = b"\1" * 32, RequestId(b"\2" * 32)


def test_content_comes_back_with_its_key() -> None:
    assert unseal(seal(b"seven", KEY, REQUEST), KEY, REQUEST) == b"seven"


@pytest.mark.parametrize("place", [0, -1])
def test_refuses_content_that_was_altered(place: int) -> None:
    sealed = bytearray(seal(b"seven", KEY, REQUEST))
    sealed[place] ^= 1
    with pytest.raises(Rejected, match="does not open"):
        unseal(bytes(sealed), KEY, REQUEST)


def test_refuses_another_key_and_another_round() -> None:
    sealed = seal(b"seven", KEY, REQUEST)
    with pytest.raises(Rejected, match="does not open"):
        unseal(sealed, b"\3" * 32, REQUEST)
    with pytest.raises(Rejected, match="does not open"):
        unseal(sealed, KEY, RequestId(b"\4" * 32))

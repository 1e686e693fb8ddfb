"""Both modes of lock, for every test that asks."""

from __future__ import annotations

import pytest

from handfast.protocol.constants import LockMode


@pytest.fixture(params=[LockMode.CLIENT_NUMBER, LockMode.KEY_RELEASE])
def mode(request: pytest.FixtureRequest) -> LockMode:
    """Each mode of lock in turn."""
    chosen: LockMode = request.param
    return chosen

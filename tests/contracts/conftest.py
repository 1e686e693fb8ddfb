"""Every contract test starts from the state that its module's fixtures left."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _isolation(fn_isolation: None) -> None:
    """Revert the chain after each test."""

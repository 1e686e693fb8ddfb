"""A channel between two ends."""

from __future__ import annotations

import pytest

from tests.channel_world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def unrated() -> World:
    return World(rated=False)

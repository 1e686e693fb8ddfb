"""The contract that shows what Solidity makes of protocol.toml."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def probe(deployer, ProtocolProbe):
    return deployer.deploy(ProtocolProbe)

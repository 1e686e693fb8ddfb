"""Deploys the contracts to Brownie's active network.

    brownie run scripts/deploy.py --network <network>

The deployer's key comes from HANDFAST_KEY. Without one, on the development network that Brownie
starts by itself, its first account pays, and nothing is written: that chain ends with the script.
"""

from __future__ import annotations

import asyncio
import os
from typing import cast

from brownie import web3
from brownie.network.main import show_active
from web3 import HTTPProvider

from handfast.chain.client import Chain
from handfast.chain.commands import describe
from handfast.chain.deployment import Deployment, DeploymentParameters, deploy, save
from handfast.crypto import keys
from handfast.crypto.keys import Identity

# The first of the accounts that Anvil funds: everybody knows its key.
ANVILS_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def main() -> None:
    """Deploy, print where everything is, and write deployments/<chain id>.json."""
    passing = show_active() == "development"
    known = passing and keys.KEY_VARIABLE not in os.environ
    identity = Identity.parse(ANVILS_KEY) if known else keys.load()
    make = DeploymentParameters.local if passing else DeploymentParameters.default
    deployment = asyncio.run(_deploy(identity, make(identity.address)))
    print(describe(deployment))
    if not passing:
        print(f"written to {save(deployment)}")


async def _deploy(identity: Identity, parameters: DeploymentParameters) -> Deployment:
    async with Chain(str(cast(HTTPProvider, web3.provider).endpoint_uri)) as chain:
        return await deploy(chain, identity.account(), parameters)

"""Every contract lands on a real chain, is found again, and is missed when it is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from handfast.chain.abi import shipped
from handfast.chain.anvil import Anvil
from handfast.chain.client import Call, Chain
from handfast.chain.deployment import (
    Allotment,
    Allotments,
    Deployment,
    DeploymentParameters,
    check,
    deploy,
    load,
    save,
)
from handfast.cli import main
from handfast.crypto.keys import Identity
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import TOKEN_SUPPLY


async def ask(chain: Chain, deployment: Deployment, contract: str, view: str, *given: Any) -> Any:
    """The answer of a view of one of the deployed contracts."""
    abi, address = shipped(contract), dict(deployment.contracts())[contract].address
    data = await chain.call(Call(address, abi.encode(view, given), view))
    return abi.decode(view, data)[0]


def test_tells_the_contracts_their_parameters(anvil: Anvil, run: Any) -> None:
    deployer, owner = (Identity.parse(key) for key in anvil.keys[:2])
    parts = [Allotment(Identity.generate().address, TOKEN_SUPPLY // 4) for _ in range(4)]
    parameters = replace(DeploymentParameters.default(owner.address), allotments=Allotments(*parts))

    async def scenario() -> None:
        async with Chain(anvil.url) as chain:
            deployment = await deploy(chain, deployer.account(), parameters)
            assert (deployment.chain_id, deployment.block) == (31_337, 1)
            assert deployment.deployer == deployer.address

            async def answer(contract: str, view: str, *given: Any) -> Any:
                return await ask(chain, deployment, contract, view, *given)

            token = deployment.market_token.address
            for part in parts:
                assert await answer("MarketToken", "balanceOf", part.beneficiary) == part.amount
            registry = "ParticipantRegistry"
            assert await answer(registry, "isSealed")
            assert await answer(registry, "MARKET_TOKEN") == token
            assert await answer(registry, "UNBONDING_PERIOD") == parameters.unbonding_period
            hub = "ChannelHub"
            assert await answer(hub, "isAllowed", token)
            assert await answer(hub, "PREIMAGES") == deployment.preimage_registry.address
            assert await answer(hub, "MIN_CHALLENGE_PERIOD") == parameters.min_challenge_period
            assert await answer(hub, "MAX_CHALLENGE_PERIOD") == parameters.max_challenge_period
            assert await answer(hub, "pendingOwner") == owner.address
            products = "ProductRegistry"
            assert await answer(products, "HUB") == deployment.channel_hub.address
            blocks = parameters.product_challenge_blocks
            assert await answer(products, "CHALLENGE_PERIOD") == blocks
            rollup = "ReputationRollup"
            assert await answer(rollup, "MARKET_TOKEN") == token
            assert await answer(rollup, "EPOCH_LENGTH") == parameters.epoch_length
            assert await answer(rollup, "WINDOW") == parameters.window
            assert await answer(rollup, "BOND") == parameters.proposer_bond

    run(scenario())


def test_keeps_the_hub_when_the_deployer_is_the_owner(anvil: Anvil, run: Any) -> None:
    deployer = Identity.parse(anvil.keys[0])

    async def scenario() -> None:
        async with Chain(anvil.url) as chain:
            parameters = DeploymentParameters.local(deployer.address)
            deployment = await deploy(chain, deployer.account(), parameters)
            assert await ask(chain, deployment, "ChannelHub", "owner") == deployer.address

    run(scenario())


def test_loads_what_is_on_the_chain_and_nothing_else(
    anvil: Anvil, run: Any, tmp_path: Path
) -> None:
    deployer = Identity.parse(anvil.keys[0])

    async def scenario() -> None:
        async with Chain(anvil.url) as chain:
            with pytest.raises(InvalidInput, match="no deployment on chain 31337 is known"):
                await load(chain, tmp_path)
            parameters = DeploymentParameters.local(deployer.address)
            deployment = await deploy(chain, deployer.account(), parameters)
            path = save(deployment, tmp_path)
            assert await load(chain, tmp_path) == deployment
            mixed = replace(deployment.market_token, address=deployment.channel_hub.address)
            with pytest.raises(InvalidInput, match="not the MarketToken that was deployed"):
                await check(chain, replace(deployment, market_token=mixed))
            gone = replace(deployment.market_token, address=deployer.address)
            with pytest.raises(InvalidInput, match="chain 31337 has no MarketToken at"):
                await check(chain, replace(deployment, market_token=gone))
            path.write_text(path.read_text().replace("31337", "31338"))
            with pytest.raises(InvalidInput, match="is of chain 31338"):
                await load(chain, tmp_path)

    run(scenario())


def test_says_what_a_poor_account_lacks(anvil: Anvil, run: Any) -> None:
    poor = Identity.generate()

    async def scenario() -> None:
        async with Chain(anvil.url) as chain:
            with pytest.raises(Rejected, match=poor.address):
                await deploy(chain, poor.account(), DeploymentParameters.local(poor.address))

    run(scenario())


def test_deploys_from_the_command_line_once(anvil: Anvil, tmp_path: Path) -> None:
    options = ["deploy", "--rpc", anvil.url, "--preset", "local", "--folder", str(tmp_path)]
    environment = {"HANDFAST_KEY": anvil.keys[0]}
    first = CliRunner().invoke(main, options, env=environment)
    assert first.exit_code == 0, first.output
    content = json.loads((tmp_path / "31337.json").read_text())
    assert content["channel_hub"]["address"] in first.output
    again = CliRunner().invoke(main, options, env=environment)
    assert again.exit_code == 2
    assert "--replace overwrites it" in again.output
    replaced = CliRunner().invoke(main, [*options, "--replace"], env=environment)
    assert replaced.exit_code == 0, replaced.output
    assert json.loads((tmp_path / "31337.json").read_text()) != content

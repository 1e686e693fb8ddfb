"""`handfast deploy`: put the protocol's contracts on a chain."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable
from pathlib import Path

import click

from handfast.chain.client import Chain
from handfast.chain.deployment import (
    FOLDER,
    Deployment,
    DeploymentParameters,
    deploy,
    path_of,
    save,
)
from handfast.crypto import keys
from handfast.crypto.keys import Identity
from handfast.errors import InvalidInput

PRESETS: dict[str, Callable[[str], DeploymentParameters]] = {
    "default": DeploymentParameters.default,
    "local": DeploymentParameters.local,
}


@click.command("deploy")
@click.option("--rpc", envvar="HANDFAST_RPC", required=True, show_envvar=True, help="The node.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="default",
    show_default=True,
    help="Periods and bonds: for a public chain, or for one on this machine.",
)
@click.option("--owner", help="Who names the reward pool and allows tokens; else the deployer.")
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Encrypted key of the deployer; else its key is read from HANDFAST_KEY.",
)
@click.option(
    "--password-file", type=click.Path(path_type=Path, dir_okay=False), help="Of the keystore."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where <chain id>.json is written.",
)
@click.option("--replace", is_flag=True, help="Overwrite the file of an earlier deployment.")
def command(
    rpc: str,
    preset: str,
    owner: str | None,
    keystore: Path | None,
    password_file: Path | None,
    folder: Path,
    replace: bool,
) -> None:
    """Deploy the contracts to a chain and write where they are."""
    prompt = getpass.getpass if sys.stdin.isatty() else None
    identity = keys.load(keystore, password_file, prompt=prompt)
    parameters = PRESETS[preset](owner or identity.address)
    deployment, path = asyncio.run(_deploy(rpc, identity, parameters, folder, replace))
    click.echo(describe(deployment))
    click.echo(f"written to {path}")


def describe(deployment: Deployment) -> str:
    """A deployment in lines for a person."""
    lines = [f"chain {deployment.chain_id}, from block {deployment.block}"]
    lines += [f"{name:20} {each.address}" for name, each in deployment.contracts()]
    return "\n".join(lines)


async def _deploy(
    rpc: str, identity: Identity, parameters: DeploymentParameters, folder: Path, replace: bool
) -> tuple[Deployment, Path]:
    async with Chain(rpc) as chain:
        path = path_of(await chain.id(), folder)
        if path.exists() and not replace:  # before anything is paid for
            raise InvalidInput(f"{path} has an earlier deployment; --replace overwrites it")
        deployment = await deploy(chain, identity.account(), parameters)
    return deployment, save(deployment, folder, replace=replace)

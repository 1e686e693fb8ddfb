"""`handfast registry`: register, change and list participants."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from handfast import log
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.token import MarketToken
from handfast.errors import InvalidInput, Rejected
from handfast.process import AccountSettings, World, open_world, process_options
from handfast.protocol.messages import Domain
from handfast.registry.participants import (
    NO_METADATA,
    Participant,
    ParticipantId,
    Role,
    check_endpoint,
)
from handfast.registry.possession import prove_possession
from handfast.storage.cid import Cid

_ROLE = click.Choice([role.lower() for role in Role.__members__])


class Profile(NamedTuple):
    """What a participant says about itself, in the order of the registry's call."""

    roles: Role
    metadata: bytes
    endpoint: str


@click.group("registry")
def registry() -> None:
    """Register, change and list participants."""


@registry.command()
@click.option("--role", "roles", multiple=True, required=True, type=_ROLE, help="One or more.")
@click.option("--endpoint", default="", help="Where we answer: http(s)://host[:port][/path].")
@click.option("--metadata", help="CID of the document that says what we offer.")
@click.option("--bond", type=int, default=0, help="Smallest units of MarketToken.")
@process_options
def register(
    roles: tuple[str, ...], endpoint: str, metadata: str | None, bond: int, **flags: Any
) -> None:
    """Register the account, with both BLS keys that derive from its key; or add to what it is."""
    role = Role.parse(roles)
    if endpoint or Role.PROVIDER in role:
        check_endpoint(endpoint)
    digest = Cid.parse(metadata).digest if metadata else NO_METADATA
    if bond < 0:
        raise InvalidInput("a bond is not negative")

    async def work(world: World) -> None:
        id_ = await register_account(world, role, endpoint, digest, bond)
        click.echo(f"{world.identity.address} is participant {id_}")

    _with_world(flags, work)


@registry.command("list")
@click.option("--role", type=_ROLE, help="Only those with this role.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@process_options
def list_(role: str | None, as_json: bool, **flags: Any) -> None:
    """List the participants."""

    async def work(world: World) -> None:
        contract = ParticipantRegistry(world.chain, world.deployment.participant_registry.address)
        found = await contract.participants()
        wanted = Role.parse([role]) if role else Role(0)
        rows = [each for each in found if each.roles & wanted == wanted]
        if as_json:
            click.echo(json.dumps([_plain(each) for each in rows]))
            return
        table = Table("id", "account", "roles", "bond", "endpoint")
        for each in rows:
            plain = _plain(each)
            roles = ", ".join(plain["roles"])
            table.add_row(str(each.id), each.account, roles, plain["bond"], each.endpoint)
        Console().print(table)

    _with_world(flags, work)


async def register_account(
    world: World, roles: Role, endpoint: str, metadata: bytes, bond: int
) -> int:
    """Register the world's account, and say which id it has. To one that is registered the roles
    are added, an endpoint or metadata replace its own, and its bond is raised to this one.

    raises   Rejected if it can't pay for the transactions or the bond
    """
    address = world.deployment.participant_registry.address
    contract = ParticipantRegistry(world.chain, address)
    account = world.identity.address
    id_ = await contract.id_of(account)
    if id_ is not None:
        await _change(world, contract, id_, Profile(roles, metadata, endpoint), bond)
        return int(id_)
    await _allow(world, address, bond)
    keys = prove_possession(
        world.identity.signing_key(),
        world.identity.decryption_key(),
        account,
        1,
        Domain(world.chain_id, address),
    )
    await world.sender.send("register", contract.register(roles, metadata, endpoint, keys, bond))
    id_ = await contract.id_of(account)
    if id_ is None:
        raise Rejected(f"{account} is not registered: the node is behind", "not_registered")
    return int(id_)


async def _change(
    world: World, contract: ParticipantRegistry, id_: ParticipantId, wanted: Profile, bond: int
) -> None:
    known = await contract.participant(id_)
    now = Profile(known.roles, known.metadata, known.endpoint)
    roles = now.roles | wanted.roles
    metadata, endpoint = wanted.metadata, wanted.endpoint or now.endpoint
    after = Profile(roles, now.metadata if metadata == NO_METADATA else metadata, endpoint)
    if after != now:
        await world.sender.send(f"profile {secrets.token_hex(16)}", contract.set_profile(*after))
    missing = bond - known.bond
    if missing > 0:
        await _allow(world, contract.address, missing)
        await world.sender.send(f"bond {secrets.token_hex(16)}", contract.add_bond(id_, missing))


async def _allow(world: World, registry: str, bond: int) -> None:
    """Let the registry take a bond."""
    if not bond:
        return
    account = world.identity.address
    token = MarketToken(world.chain, world.deployment.market_token.address)
    held = await token.balance_of(account)
    if held < bond:
        raise Rejected(
            f"{account} has {held} smallest units of MarketToken, the bond takes {bond}: "
            f"send it at least {bond - held}",
            "no_bond",
        )
    if await token.allowance(account, registry) < bond:
        approval = token.approve(registry, bond)
        await world.sender.send(f"approve {secrets.token_hex(16)}", approval)


def _plain(each: Participant) -> dict[str, Any]:
    return {
        "id": int(each.id),
        "account": each.account,
        "roles": [role.name.lower() for role in each.roles if role.name],
        "bond": str(each.bond),
        "endpoint": each.endpoint,
    }


def _with_world(flags: dict[str, Any], work: Callable[[World], Awaitable[None]]) -> None:
    config: Path | None = flags.pop("config")
    settings = AccountSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)

    async def run() -> None:
        async with open_world(settings) as world:
            await work(world)

    asyncio.run(run())

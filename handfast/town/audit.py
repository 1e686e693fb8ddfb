"""What must hold of a town in the end, by the chain and by what its clients were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from handfast.chain.abi import shipped
from handfast.chain.channels import ChannelHub
from handfast.chain.products import ProductRegistry
from handfast.chain.token import MarketToken
from handfast.channels.state import ChannelId
from handfast.protocol.constants import ChannelPhase
from handfast.registry.participants import Role
from handfast.town.report import Check, Round, Standing
from handfast.town.town import Town


def token_of(town: Town) -> MarketToken:
    """What the town pays in."""
    return MarketToken(town.chain, town.deployment.market_token.address)


async def channels_on(town: Town) -> list[tuple[ChannelId, str, str]]:
    """Every channel that was opened, with the names of its client and provider."""
    hub = ChannelHub(town.chain, town.deployment.channel_hub.address)
    names = {each.identity.address.lower(): name for name, each in town.citizens.items()}
    head = await town.chain.head()
    found_: list[tuple[ChannelId, str, str]] = []
    for log_ in await town.chain.logs([hub.address], town.deployment.block, head.number):
        event = hub.abi.event(log_)
        if event is not None and event.name == "ChannelOpened":
            client, provider = event.arguments["client"], event.arguments["provider"]
            both = names.get(client.lower(), "?"), names.get(provider.lower(), "?")
            found_.append((ChannelId(event.arguments["channel"]), *both))
    return found_


async def gas_by_step(town: Town) -> dict[str, list[int]]:
    """Gas of every transaction since the deployment, by what it called."""
    names = {each.address.lower(): name for name, each in town.deployment.contracts()}
    selectors = {
        (name, selector): function
        for name in set(names.values())
        for selector, function in shipped(name).selectors().items()
    }
    used: dict[str, list[int]] = defaultdict(list)
    head = await town.chain.head()
    for number in range(town.deployment.block, head.number + 1):
        block = await town.chain.request("eth_getBlockByNumber", hex(number), True)
        receipts = await town.chain.request("eth_getBlockReceipts", hex(number))
        for transaction, receipt in zip(block["transactions"], receipts, strict=True):
            contract = names.get((transaction["to"] or "").lower())
            if contract is not None:
                selector = bytes.fromhex(transaction["input"][2:10])
                function = selectors.get((contract, selector), "?")
                used[f"{contract}.{function}"].append(int(receipt["gasUsed"], 16))
    return used


# ---------------------------------------------------------------- what must hold


def check_custom(
    name: str, standings: Sequence[Standing], before: Sequence[Round], late: Sequence[Round]
) -> list[Check]:
    """Whether a provider's score fell when it degraded, and clients went elsewhere.

    before   rounds that were paid until it degraded
    late     rounds that were begun when its score had fallen below another's
    """
    scores = [each.scores[name] for each in standings if name in each.scores]
    best, last = max(scores, default=0), scores[-1] if scores else 0
    shares = [
        sum(each.provider == name for each in rounds) / len(rounds) if rounds else 1.0
        for rounds in (before, late)
    ]
    return [
        Check("the degraded provider's score fell", last < best, f"{best} to {last} of 10^9"),
        Check(
            "clients moved away from it",
            shares[1] < shares[0],
            f"{shares[0]:.0%} of {len(before)} rounds before, "
            f"{shares[1]:.0%} of {len(late)} once its score had fallen",
        ),
    ]


async def check_money(
    town: Town, rounds: Sequence[Round], balances: Mapping[str, int]
) -> list[Check]:
    """Whether every unit is where it belongs.

    balances   MarketToken of each citizen before the first round
    """
    token = token_of(town)
    hub = await token.balance_of(town.deployment.channel_hub.address)
    open_ = await _still_open(town)
    wrong = []
    for name, citizen in town.citizens.items():
        if not citizen.member.role & (Role.PROVIDER | Role.CLIENT):
            continue
        earned = sum(each.fee for each in rounds if each.provider == name)
        spent = sum(each.fee for each in rounds if each.client == name)
        now = await token.balance_of(citizen.identity.address)
        if difference := now - (balances[name] + earned - spent):
            wrong.append(f"{name} {difference:+}")
    holders = (
        town.deployment.participant_registry.address,
        town.deployment.reputation_rollup.address,
        town.deployment.deployer,
        *(each.identity.address for each in town.citizens.values()),
    )
    held = hub + sum([await token.balance_of(address) for address in holders])
    supply = await token.total_supply()
    fees = sum(each.fee for each in rounds)
    return [
        Check(
            "the hub holds nothing of a closed channel",
            hub == 0 and not open_,
            f"{hub} left, {open_} channels open",
        ),
        Check(
            "everybody has what was agreed, to the last unit",
            not wrong,
            ", ".join(wrong) or f"{fees} units of fees moved",
        ),
        Check("the supply is all accounted for", held == supply, f"{supply} units"),
    ]


async def _still_open(town: Town) -> int:
    hub = ChannelHub(town.chain, town.deployment.channel_hub.address)
    records = [await hub.channel(channel) for channel, *_ in await channels_on(town)]
    return sum(each.phase is not ChannelPhase.CLOSED for each in records)


async def check_products(town: Town, rounds: Sequence[Round]) -> Check:
    """Whether what was bought is owned by who bought it."""
    registry = ProductRegistry(town.chain, town.deployment.product_registry.address)
    buyers: dict[str, set[str]] = defaultdict(set)
    for each in rounds:
        buyers[each.product].add(town.citizens[each.client].identity.address)
    held = 0
    for product, accounts in buyers.items():
        held += (await registry.product(bytes.fromhex(product[2:]))).holder in accounts
    return Check(
        "bought products are tokens of their buyers",
        held == len(buyers),
        f"{held} tokens of {len(buyers)} products",
    )

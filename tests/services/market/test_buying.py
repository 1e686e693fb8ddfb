"""Clients and providers as people run them. (SPEC PR-1 to PR-9)"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from handfast.registry.participants import Participant, Role
from tests.services.market.town import DEPOSIT, FEE, TOKEN, Town

Play = Callable[[Callable[[], Awaitable[None]]], None]


def test_a_client_buys_in_both_modes_and_owns_what_it_paid(town: Town, play: Play) -> None:
    """SPEC PR-6, PR-7, CH-12, CH-17; PV-6: also what its provider registered before it."""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        for mode in ("client-number", "key-release"):
            picture = buyer.folder / "seven.png"
            bought = town.buyer(
                buyer, "buy", "a seven", "--json", "--mode", mode, "-o", str(picture)
            )
            assert await asyncio.to_thread(bought.wait) == 0, bought.output
            lines = bought.output.splitlines()
            told = json.loads(next(line for line in lines if '"product"' in line))
            assert told["fee"] == str(FEE)
            assert picture.read_bytes().startswith(b"\x89PNG")
            assert sum("no coordinator is named" in line for line in lines) == 1
        closed = town.buyer(buyer, "close")
        assert await asyncio.to_thread(closed.wait) == 0, closed.output
        await town.register_product(seller, bytes.fromhex(told["product"][2:]))
        claimed = town.buyer(buyer, "claim")
        assert await asyncio.to_thread(claimed.wait) == 0, claimed.output
        assert await town.products(buyer) == 2
        assert await town.tokens(seller) == TOKEN + 2 * FEE
        assert await town.tokens(buyer) == TOKEN - 2 * FEE
        assert await town.held_by_hub() == 0

    play(test)


@pytest.mark.parametrize("flaw", ["offline", "slow", "dear", "greedy", "lies", "silent"])
def test_a_hostile_provider_costs_nothing_and_the_next_is_asked(
    town: Town, play: Play, flaw: str
) -> None:
    """SPEC PR-3, PR-9"""

    async def test() -> None:
        hostile = await town.settle_down(Role.PROVIDER)
        honest = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(honest)
        with socket.socket() as listening:
            match flaw:
                case "offline":
                    pass
                case "slow":
                    listening.bind(("127.0.0.1", hostile.port))
                    listening.listen()
                case "dear":
                    town.provider(hostile, fee=2 * FEE)
                case _:
                    town.provider(hostile, flaw=flaw)
            async with town.client(buyer, max_fee=FEE) as client:
                bought = await client.buy("a seven")
                assert bought.provider == 2
                assert bought.content.startswith(b"\x89PNG")
                await client.channels.close_all()
        assert await town.tokens(hostile) == TOKEN
        assert await town.tokens(honest) == TOKEN + FEE
        assert await town.tokens(buyer) == TOKEN - FEE
        assert await town.held_by_hub() == 0

    play(test)


def test_a_client_at_fault_gets_one_clear_line(town: Town, play: Play) -> None:
    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        town.provider(seller)
        poor = await town.settle_down(Role.CLIENT, tokens=DEPOSIT - 1)
        stranger = town.account()
        wrong = {"HANDFAST_KEY": "0x1234"}
        for account, environment, says in (
            (poor, {}, "has 99999999999999999, a channel takes 100000000000000000"),
            (stranger, {}, "is not registered"),
            (poor, wrong, "HANDFAST_KEY"),
            (poor, {"HANDFAST_DEPOSIT": "-1"}, "deposit"),
            (poor, {"HANDFAST_RPC": "http://127.0.0.1:1"}, "127.0.0.1:1"),
            (poor, {"HANDFAST_RPC": "127.0.0.1:8545"}, "has no URL such as http://"),
        ):
            failed = town.buyer(account, "buy", "a seven", environment=environment)
            assert await asyncio.to_thread(failed.wait) in (2, 3, 4), failed.output
            last = failed.output.strip().splitlines()[-1]
            assert says in last, failed.output
            assert "Traceback" not in failed.output
        assert await town.held_by_hub() == 0

    play(test)


def test_an_account_sends_coins_and_tokens_by_its_clients_settings(town: Town, play: Play) -> None:
    async def test() -> None:
        giver, taker = await town.settle_down(Role.CLIENT), town.account()
        config = giver.folder / "client.toml"
        config.write_text('deposit = 5\njudge = "digits@0.5"\n[timing]\npatience = 9\n')
        before = await town.chain.balance(taker.address)
        sent = town.handfast(
            giver,
            *("send", taker.address, "--coins", "0.5", "--tokens", "0.000000000000000007"),
            *("--config", str(config)),
        )
        assert await asyncio.to_thread(sent.wait) == 0, sent.output
        assert await town.chain.balance(taker.address) == before + TOKEN // 2
        assert await town.tokens(taker) == 7
        failed = town.handfast(giver, "send", taker.address, "--tokens", "2")
        assert await asyncio.to_thread(failed.wait) == 3, failed.output
        assert f"{giver.address} has {TOKEN - 7} smallest units" in failed.output
        listed = town.handfast(giver, "registry", "list", "--config", str(config))
        assert await asyncio.to_thread(listed.wait) == 0, listed.output

    play(test)


def test_a_participant_registers_again_to_become_more(town: Town, play: Play) -> None:
    """SPEC RG-2, RG-3, RG-8"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)

        async def register(*arguments: str) -> Participant:
            done = town.handfast(seller, "registry", "register", "--role", *arguments)
            assert await asyncio.to_thread(done.wait) == 0, done.output
            return await town.participant(seller)

        before = await town.participant(seller)
        both = await register("client")
        assert both == replace(before, roles=Role.PROVIDER | Role.CLIENT)
        moved = await register("provider", "--endpoint", "http://127.0.0.1:9", "--bond", "7")
        assert moved == replace(both, endpoint="http://127.0.0.1:9", bond=7)
        assert await register("client", "--bond", "9") == replace(moved, bond=9)
        assert await town.tokens(seller) == TOKEN - 9
        failed = town.handfast(
            seller, "registry", "register", "--role", "client", "--bond", str(TOKEN + 10)
        )
        assert await asyncio.to_thread(failed.wait) == 3
        assert f"{seller.address} has {TOKEN - 9} smallest units" in failed.output
        assert "send it at least 10" in failed.output

    play(test)


def test_the_installed_command_says_who_sells(town: Town, play: Play) -> None:
    """SPEC PR-1"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = town.account()
        data = str(buyer.folder / "data")
        done = await asyncio.to_thread(
            subprocess.run,
            (sys.executable, "-m", "handfast", "client", "providers", "--json", "--data", data,
             "--rpc", town.rpc, "--deployments", str(town.folder)),
            env={"HANDFAST_KEY": buyer.key, "PATH": ""},
            capture_output=True,
            check=True,
            timeout=60,
        )  # fmt: skip
        (shown,) = json.loads(done.stdout)
        assert (shown["id"], shown["endpoint"], shown["score"]) == (1, seller.url, 0.5)

    play(test)

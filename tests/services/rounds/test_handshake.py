"""The handshake over real HTTP, from request to verified content. (SPEC PR-3 to PR-11)"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from handfast.channels.rules import id_of
from handfast.channels.state import Lock, Parameters
from handfast.client import handshake
from handfast.client.handshake import Caller, Made, Wish
from handfast.crypto.bls import SecretKey
from handfast.crypto.ecdsa import Signer
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.inference.adapters import CallableGenerator
from handfast.journal import Journal, Scribe
from handfast.protocol.constants import Direction, LockMode
from handfast.protocol.messages import Domain
from handfast.provider import desk as desks
from handfast.provider.desk import ProviderDesk, Tools
from handfast.provider.http import round_routes
from handfast.rounds import provider as rules
from handfast.rounds.messages import NO_HASH, OpenPrompt, RequestId
from handfast.rounds.provider import EMPTY, Desk, Round, Standing, Terms
from handfast.rounds.sealing import unseal
from handfast.serving import Server
from handfast.storage.cid import Cid, Codec
from handfast.storage.local import LocalStore
from handfast.storage.remote import RemoteReader

FEE = 5 * 10**12
DOMAIN = Domain(31_337, "0x" + "ab" * 20)
CLIENT, PROVIDER = Signer(b"\1" * 32), Signer(b"\2" * 32)
DECRYPTION = SecretKey.derive(b"\2" * 32, b"test")
CONTENT = b"\x89PNG\r\n\x1a\n" + b"seven" * 200_000  # several blocks
TERMS = Terms(
    PROVIDER.address,
    "0x" + "77" * 20,
    "image",
    FEE,
    frozenset((LockMode.CLIENT_NUMBER, LockMode.KEY_RELEASE)),
)


@dataclass
class Shop:
    """A served desk, and what it offered."""

    desk: ProviderDesk
    scribe: Scribe
    url: str
    offered: list[Round] = field(default_factory=list)


Model = Callable[[str, int], object]


@asynccontextmanager
async def shop(folder: Path, model: Model, terms: Terms = TERMS) -> AsyncIterator[Shop]:
    scribe, offered = Scribe(Journal(folder / "journal")), []

    async def ready(_channel: Parameters, _fee: int) -> None:
        return

    async def knows(channel: Parameters, _rounds: int) -> Standing:
        return Standing.FUNDED if channel.client == CLIENT.address else Standing.STRANGER

    async def offer(each: Round) -> None:
        offered.append(each)

    store = LocalStore(folder / "provider")
    tools = Tools(
        terms,
        DOMAIN,
        PROVIDER,
        (DECRYPTION,),
        CallableGenerator(model),
        store,
        scribe.stream(b"desk"),
        ready,
        knows,
        offer,
        lambda: int(time.time()),
    )
    desk = ProviderDesk(tools)
    run = asyncio.create_task(desk.run())
    async with Server(round_routes(desk), healthy, CollectorRegistry()) as server:
        await server.start("127.0.0.1", 0)
        try:
            yield Shop(desk, scribe, f"http://127.0.0.1:{server.port}", offered)
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            await scribe.close()
            store.close()


async def healthy() -> dict[str, object]:
    return {}


def replay(path: Path) -> Desk:
    with Journal(path) as journal:
        return desks.replay(journal.load(b"desk"), TERMS)


def parameters() -> Parameters:
    return Parameters(CLIENT.address, PROVIDER.address, TERMS.token, 3_600, secrets.token_bytes(32))


def wish(mode: LockMode = LockMode.CLIENT_NUMBER, **changes: object) -> Wish:
    prompt = OpenPrompt("a seven", secrets.token_bytes(32))
    return replace(Wish(prompt, "image", mode, FEE, (5.0, 10.0)), **changes)


async def buy(caller: Caller, url: str, wanted: Wish) -> Made:
    request, fee = await caller.request(url, parameters(), wanted, int(time.time()))
    return await caller.order(url, request, fee, DECRYPTION.public_key(), wanted)


def lock_of(made: Made) -> Lock:
    hash_ = made.product.key_hash if made.product.key_hash != NO_HASH else b"\x0c" * 32
    return Lock(
        Direction.TO_PROVIDER, made.fee, hash_, int(time.time()) + 600, made.product.digest, 1
    )


def play(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def made_of(prompt: str, seed: int) -> bytes:
    assert prompt == "a seven"
    assert 0 <= seed < 2**64
    return CONTENT


def read(shop_: Shop, made: Made, cid: Cid) -> bytes:
    with RemoteReader(f"{shop_.url}/rounds/{made.id.hex()}", 5) as reader:
        return reader.get_bytes(cid, len(CONTENT) + 16)


def test_plaintext_comes_once_the_fee_is_locked(tmp_path: Path) -> None:
    """SPEC PR-6"""

    async def test() -> None:
        async with shop(tmp_path, made_of) as it, Caller(CLIENT, DOMAIN) as caller:
            made = await buy(caller, it.url, wish())
            cid = Cid(Codec(made.product.codec), made.product.digest)
            with pytest.raises((InvalidInput, Rejected, Unavailable)):
                await asyncio.to_thread(read, it, made, cid)
            await it.desk.fee_locked(id_of(made.request.channel), lock_of(made))
            assert await asyncio.to_thread(read, it, made, cid) == CONTENT
            assert it.desk.desk.rounds[made.id].served
            assert [each.product for each in it.offered] == [made.product]

    play(test)


def test_ciphertext_comes_at_once_and_opens_with_the_released_key(tmp_path: Path) -> None:
    """SPEC PR-7"""

    async def test() -> None:
        async with shop(tmp_path, made_of) as it, Caller(CLIENT, DOMAIN) as caller:
            made = await buy(caller, it.url, wish(LockMode.KEY_RELEASE))
            product = made.product
            sealed_cid = Cid(Codec(product.ciphertext_codec), product.ciphertext)
            sealed = await asyncio.to_thread(read, it, made, sealed_cid)
            plain = Cid(Codec(product.codec), product.digest)
            with pytest.raises((InvalidInput, Rejected, Unavailable)):
                await asyncio.to_thread(read, it, made, plain)
            assert unseal(sealed, it.desk.desk.rounds[made.id].key, made.id) == CONTENT

    play(test)


def test_the_journal_alone_brings_the_desk_back(tmp_path: Path) -> None:
    """SPEC PR-10"""

    async def test() -> None:
        async with shop(tmp_path, made_of) as it, Caller(CLIENT, DOMAIN) as caller:
            await buy(caller, it.url, wish())
        assert replay(tmp_path / "journal") == it.desk.desk

    play(test)


def test_another_fee_another_prompt_and_silence_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC PR-3, PR-9"""
    # The shop closes once the last question is answered.
    monkeypatch.setattr(handshake, "POLL_SECONDS", 1.0)

    async def slow(_prompt: str, _seed: int) -> bytes:
        await asyncio.sleep(30)
        return CONTENT

    async def test() -> None:
        async with shop(tmp_path, slow) as it, Caller(CLIENT, DOMAIN) as caller:
            with pytest.raises(Rejected) as dear:
                await buy(caller, it.url, wish(max_fee=FEE - 1))
            assert dear.value.reason == "fee"
            with pytest.raises(Unavailable, match="in time"):
                await buy(caller, it.url, wish(patience=(5.0, 0.5)))
            with pytest.raises(Unavailable, match="does not answer"):
                await buy(caller, "http://127.0.0.1:1", wish())

    play(test)


def test_a_model_that_fails_ends_the_round_with_a_reason(tmp_path: Path) -> None:
    def fails(_prompt: str, _seed: int) -> bytes:
        raise InvalidInput("no such digit")

    async def test() -> None:
        async with shop(tmp_path, fails) as it, Caller(CLIENT, DOMAIN) as caller:
            with pytest.raises(Rejected) as refused:
                await buy(caller, it.url, wish())
            assert refused.value.reason == "not_made"

    play(test)


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91\x01", bytes(70_000)], ids=["none", "byte", "short", "long"]
)
def test_garbage_gets_a_typed_error_and_changes_nothing(tmp_path: Path, body: bytes) -> None:
    """SPEC PR-11"""

    async def test() -> None:
        async with shop(tmp_path, made_of) as it, Caller(CLIENT, DOMAIN) as caller:
            with pytest.raises((Rejected, Unavailable)):
                await caller._answer("POST", f"{it.url}/rounds", body, rules.DESK, 5)
            assert it.desk.desk == EMPTY
            with pytest.raises(Rejected) as unknown:
                await caller._answer(
                    "GET",
                    f"{it.url}/rounds/{RequestId(bytes(32)).hex()}/announcement",
                    None,
                    rules.DESK,
                    5,
                )
            assert unknown.value.reason == "invalid"

    play(test)

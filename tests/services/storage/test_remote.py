"""Blocks over HTTP: a provider's store serves them, and no server is believed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from aiohttp import web

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Cid, Codec
from handfast.storage.kubo import KuboStore
from handfast.storage.local import LocalStore
from handfast.storage.reading import MAX_BLOCK_BYTES
from handfast.storage.remote import RemoteReader
from handfast.storage.serving import block_routes
from handfast.storage.store import Reader, cid_of_path
from tests.services.storage.conftest import Serve
from tests.storage_shapes import CHUNK, DIRECTORIES, blocks_of, content, sized, write

LARGE = sized(37 * CHUNK + 12_345)
TREE, BLOCKS = blocks_of(LARGE)
LEAF = BLOCKS[20].cid

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def provider(store: LocalStore, serve: Serve) -> str:
    application = web.Application()
    application.add_routes(block_routes(store))
    return serve(application)


def test_a_file_and_a_directory_come_from_a_providers_store(
    store: LocalStore, provider: str, tmp_path: Path
) -> None:
    """ST-21"""
    data = b"".join(content(LARGE))
    write(DIRECTORIES["nested"], tmp_path / "in")
    file, directory = store.put_bytes(data), store.add(tmp_path / "in")
    with RemoteReader(provider + "/") as reader:
        assert reader.get_bytes(file, len(data)) == data
        reader.save(directory, tmp_path / "out")
        assert cid_of_path(tmp_path / "out") == directory
        with LocalStore(tmp_path / "mine") as mine:
            mine.pin(file, source=reader)
            assert mine.get_bytes(file, len(data)) == data


def test_many_read_at_once(store: LocalStore, provider: str) -> None:
    """ST-21"""
    data = b"".join(content(LARGE))
    cid = store.put_bytes(data)

    def read(_number: int) -> bool:
        with RemoteReader(provider) as reader:
            return reader.get_bytes(cid, len(data)) == data

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, range(12)))


def test_what_is_not_there_is_unavailable(provider: str) -> None:
    """ST-20, ST-21"""
    with RemoteReader(provider) as reader, pytest.raises(Unavailable, match="404"):
        reader.get_bytes(Cid(Codec.RAW, bytes(32)), 10)


@pytest.mark.parametrize("name", ["x", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "%2e%2e"])
def test_what_is_no_cid_is_answered_400(name: str, provider: str) -> None:
    """ST-21"""
    answer = requests.get(f"{provider}/blocks/{name}", timeout=30)
    assert answer.status_code in (400, 404)
    assert answer.status_code == 404 or "CID" in answer.text


def test_a_damaged_block_is_not_handed_on(store: LocalStore, provider: str, tmp_path: Path) -> None:
    """ST-21"""
    store.put_bytes(b"".join(content(LARGE)))
    (pack,) = (tmp_path / "store" / "packs").iterdir()
    pack.write_bytes(bytes(pack.stat().st_size))
    answer = requests.get(f"{provider}/blocks/{LEAF}", timeout=30)
    assert answer.status_code == 404
    assert "not that block" in answer.text


def test_a_block_may_be_cached_for_ever(store: LocalStore, provider: str) -> None:
    """ST-21"""
    cid = store.put_bytes(b"small")
    answer = requests.get(f"{provider}/blocks/{cid}", timeout=30)
    assert answer.content == b"small"
    assert answer.headers["Content-Type"] == "application/vnd.ipld.raw"
    assert "immutable" in answer.headers["Cache-Control"]


async def flip(_request: web.Request, block: bytes) -> web.StreamResponse:
    return web.Response(body=bytes([block[0] ^ 1]) + block[1:])


async def cut(_request: web.Request, block: bytes) -> web.StreamResponse:
    return web.Response(body=block[:-1])


async def nothing(_request: web.Request, _block: bytes) -> web.StreamResponse:
    return web.Response(body=b"")


async def endless(request: web.Request, _block: bytes) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(2 * MAX_BLOCK_BYTES // CHUNK + 2):
        await answer.write(bytes(CHUNK))
    return answer


async def huge(request: web.Request, _block: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": str(10**12)})
    await answer.prepare(request)
    await answer.write(bytes(MAX_BLOCK_BYTES + CHUNK))
    return answer


async def elsewhere(_request: web.Request, _block: bytes) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:9/")


async def forbidden(_request: web.Request, _block: bytes) -> web.StreamResponse:
    raise web.HTTPForbidden


async def broken(_request: web.Request, _block: bytes) -> web.StreamResponse:
    return web.Response(status=500, text='{"Message": "block was not found"}')


async def silent(_request: web.Request, _block: bytes) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def trickle(request: web.Request, block: bytes) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for byte in block[:300]:
        await answer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    return answer


async def hang_up(request: web.Request, block: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": str(len(block))})
    await answer.prepare(request)
    await answer.write(block[:1000])
    assert request.transport is not None
    request.transport.abort()
    return answer


LIES = [flip, cut, nothing, endless, huge, elsewhere, forbidden]
FAILURES = [broken, silent, trickle, hang_up]


def liar(answer: Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]) -> web.Application:
    """Serves LARGE rightly in both protocols, but for one leaf."""
    blocks = {str(block.cid): bytes(block.data) for block in BLOCKS}

    async def block(request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("cid") or request.query["arg"]
        if name == str(LEAF):
            return await answer(request, blocks[name])
        return web.Response(body=blocks[name])

    application = web.Application()
    application.router.add_get("/blocks/{cid}", block)
    application.router.add_post("/api/v0/block/get", block)
    return application


@pytest.mark.parametrize("protocol", [RemoteReader, KuboStore])
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lying_server_is_rejected(lie: Handler, protocol: type, serve: Serve) -> None:
    """ST-7, ST-20"""
    with protocol(serve(liar(lie)), 5.0) as reader:
        received: list[bytes] = []
        with pytest.raises(Rejected):
            received.extend(reader.read(TREE.cid))
        assert b"".join(content(LARGE)).startswith(b"".join(received))


@pytest.mark.parametrize("protocol", [RemoteReader, KuboStore])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
def test_a_failing_server_is_unavailable(failure: Handler, protocol: type, serve: Serve) -> None:
    """ST-20"""
    with protocol(serve(liar(failure)), 1.0) as reader, pytest.raises(Unavailable):
        list(reader.read(TREE.cid))


@pytest.mark.parametrize("protocol", [RemoteReader, KuboStore])
def test_a_server_that_is_not_there_is_unavailable(
    protocol: Callable[[str], Reader], unused_port: int
) -> None:
    """ST-20"""
    with pytest.raises(Unavailable, match="cannot be reached"):
        protocol(f"http://127.0.0.1:{unused_port}").verify(TREE.cid)


@pytest.mark.parametrize(
    "address",
    ["", "x", "/ip4/127.0.0.1", "/ip4/127.0.0.1/udp/1", "ftp://a", "http://", "http://a/b"],
)
def test_a_malformed_address_is_refused(address: str) -> None:
    """ST-19"""
    with pytest.raises(InvalidInput):
        KuboStore(address)
    if not address.startswith("http"):
        with pytest.raises(InvalidInput):
            RemoteReader(address)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"Pins": []}', b'{"Pins": ["bafkqaaa"]}', b"\xff"]
)
def test_a_node_that_does_not_say_that_it_pinned_is_rejected(body: bytes, serve: Serve) -> None:
    """ST-19"""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    application = web.Application()
    application.router.add_post("/api/v0/{command:.*}", answer)
    with KuboStore(serve(application)) as node, pytest.raises(Rejected):
        node.put_bytes(b"hello")


def car(*sections: bytes) -> bytes:
    return b"\x11\xa2eroots\x80gversion\x01" + b"".join(sections)


def section(cid: Cid, data: bytes) -> bytes:
    length = 36 + len(data)
    return (
        bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14]) + bytes(cid) + data
    )


RIGHT = [section(block.cid, bytes(block.data)) for block in [BLOCKS[-1], *BLOCKS[:-1]]]


@pytest.mark.parametrize(
    ("exported", "outcome"),
    [
        (car(*RIGHT), None),
        (car(*RIGHT[::-1]), None),
        (car(*RIGHT)[:-1], None),
        (car(*RIGHT)[: 10 * CHUNK], None),
        (car(RIGHT[0], b"\xff\xff\xff\xff"), None),
        (car(b"\x04\x01\x71\x12\x00"), None),
        (b"", None),
        (b"not a car", None),
        (car(RIGHT[0], section(BLOCKS[0].cid, b"lie"), *RIGHT[2:]), Rejected),
    ],
    ids=["right", "backwards", "cut", "half", "length", "codec", "empty", "noise", "lie"],
)
def test_an_export_is_a_shortcut_that_is_not_believed(
    exported: bytes, outcome: type[Exception] | None, serve: Serve
) -> None:
    """ST-7, ST-19: what the stream lacks is asked for block by block."""

    async def export(_request: web.Request) -> web.Response:
        return web.Response(body=exported)

    async def right(_request: web.Request, block: bytes) -> web.StreamResponse:
        return web.Response(body=block)

    application = liar(right)
    application.router.add_post("/api/v0/dag/export", export)
    data = b"".join(content(LARGE))
    with KuboStore(serve(application)) as node:
        if outcome is None:
            assert node.get_bytes(TREE.cid, len(data)) == data
        else:
            with pytest.raises(outcome):
                node.get_bytes(TREE.cid, len(data))


def test_an_error_names_the_servers_own_words(serve: Serve) -> None:
    """ST-20"""
    with KuboStore(serve(liar(broken))) as node, pytest.raises(Unavailable) as failure:
        node.fetch([LEAF])
    assert "500: block was not found" in str(failure.value)
    assert json.dumps(str(failure.value)).isascii()

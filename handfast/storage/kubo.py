"""A Kubo node as a store, over its RPC; the node is not trusted.

Content is cut and hashed here and sent as blocks (a CAR stream), so that its CID does not depend
on how the node is set up; it comes back block by block, each checked against its CID.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from threading import Lock
from typing import Any, Self
from urllib.parse import urlsplit

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.asking import ask, open_stream
from handfast.storage.car import read_car, write_car
from handfast.storage.cid import Block, Buffer, Cid
from handfast.storage.ingest import Blocks, Progress, Readable, ignore
from handfast.storage.reading import MAX_BLOCK_BYTES, BlockSource
from handfast.storage.store import Store

_ANSWER_BYTES = 1024 * 1024
_AHEAD_BLOCKS = 64


class KuboStore(Store):
    """A node at a multiaddress (/ip4/127.0.0.1/tcp/5001) or URL (http://127.0.0.1:5001).

    seconds  how long the node may take for one block, and for taking or pinning a whole DAG
    raises   InvalidInput for a malformed address; no connection is made yet
    """

    def __init__(self, address: str, seconds: float = 120.0) -> None:
        client = _client(address)
        # The client's own methods hold whole files in memory: its session can stream.
        self._session = client._client._session
        self._base: str = client._client._base_url
        self._seconds = seconds

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        return [self._call("block/get", MAX_BLOCK_BYTES, arg=str(cid)) for cid in cids]

    @contextmanager
    def opened(self, cid: Cid) -> Iterator[BlockSource]:
        """All below a root in one answer; whatever that lacks is asked for block by block."""
        url = self._base + "dag/export"
        params = {"arg": str(cid), "progress": "false"}
        with ExitStack() as stack:
            source: BlockSource = self
            with suppress(Rejected, Unavailable):
                asking = open_stream(self._session, "POST", url, self._seconds, params=params)
                source = _Export(self, stack.enter_context(asking))
            yield source

    def ingest(self, blocks: Blocks) -> Cid:
        """Send the blocks as they come, then have the node pin their root.

        Blocks that came before a failure are not pinned: the node's garbage collection takes them.
        """
        roots: list[Cid] = []
        boundary = uuid.uuid4().hex
        self._call(
            "dag/import",
            _ANSWER_BYTES,
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            _multipart(boundary, write_car(blocks, roots)),
            **{"pin-roots": "false", "allow-big-block": "false"},
        )
        self.pin(roots[0])
        return roots[0]

    def pin(self, cid: Cid, progress: Progress = ignore) -> None:
        """Have the node fetch all below a root from its peers, if it must, and keep it."""
        answer = self._call("pin/add", _ANSWER_BYTES, arg=str(cid), recursive="true")
        try:
            pinned = json.loads(answer)["Pins"]
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected(f"the node answers {answer[:80]!r} when asked to pin {cid}") from error
        if pinned != [str(cid)]:
            raise Rejected(f"the node pinned {pinned!r} instead of {cid}")

    def _call(
        self,
        command: str,
        limit: int,
        headers: dict[str, str] | None = None,
        data: Iterator[bytes] | None = None,
        **params: str,
    ) -> bytes:
        url = self._base + command
        return ask(
            self._session,
            "POST",
            url,
            limit=limit,
            seconds=self._seconds,
            params=params,
            headers=headers,
            data=data,
        )


class _Export:
    """Answers blocks from a stream that brings a DAG in about the order in which it is read."""

    def __init__(self, node: KuboStore, stream: Readable) -> None:
        self._node = node
        self._blocks = read_car(stream)
        self._lock = Lock()
        self._passed: dict[Cid, Buffer] = {}

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        found = [self._take(cid) for cid in cids]
        missing = [cid for cid, block in zip(cids, found, strict=True) if block is None]
        rest = iter(self._node.fetch(missing))
        return [next(rest) if block is None else block for block in found]

    def _take(self, cid: Cid) -> Buffer | None:
        """The block, if it has passed or comes soon; a few that pass are held for other threads."""
        with self._lock:
            if cid in self._passed:
                return self._passed.pop(cid)
            for _ in range(_AHEAD_BLOCKS):
                block = self._next()
                if block is None:
                    break
                if block.cid == cid:
                    return block.data
                self._passed[block.cid] = block.data
                if len(self._passed) > _AHEAD_BLOCKS:
                    del self._passed[next(iter(self._passed))]
        return None

    def _next(self) -> Block | None:
        """The next block of the stream, none where it ends or breaks off."""
        try:
            return next(self._blocks, None)
        except (Rejected, Unavailable, InvalidInput):
            self._blocks = iter(())
            return None


def _client(address: str) -> Any:
    # Otherwise the client replaces a part of urllib3 by its own that urllib3 is about to refuse.
    os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")
    try:
        ipfshttpclient = import_module("ipfshttpclient")
    except ImportError as error:
        raise InvalidInput("Kubo needs `pip install handfast[kubo]`") from error
    try:
        return ipfshttpclient.Client(_multiaddress(address), session=True)
    except (ipfshttpclient.exceptions.AddressError, ValueError) as error:
        raise InvalidInput(f"{address!r} is no address of a Kubo node") from error


def _multiaddress(address: str) -> str:
    if address.startswith("/"):
        return address
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(address)
    host = parts.hostname
    family = "ip6" if ":" in host else "ip4" if host.replace(".", "").isdigit() else "dns"
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"/{family}/{host}/tcp/{port}/{parts.scheme}"


def _multipart(boundary: str, body: Iterator[bytes]) -> Iterator[bytes]:
    yield (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="blocks.car"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    yield from body
    yield f"\r\n--{boundary}--\r\n".encode()

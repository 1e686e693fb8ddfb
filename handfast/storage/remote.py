"""Reads content from whoever serves its blocks over HTTP (see `serving`), and checks each one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import requests

from handfast.errors import InvalidInput
from handfast.storage.asking import ask
from handfast.storage.cid import Buffer, Cid
from handfast.storage.reading import MAX_BLOCK_BYTES
from handfast.storage.store import Reader


class RemoteReader(Reader):
    """Reads from whoever serves `block_routes` at a base URL.

    seconds  how long the server may take for one block
    """

    def __init__(self, base: str, seconds: float = 30.0) -> None:
        if not base.startswith(("http://", "https://")):
            raise InvalidInput(f"{base!r} is no http or https URL")
        self._base = base.rstrip("/") + "/blocks/"
        self._seconds = seconds
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        return [self._block(cid) for cid in cids]

    def _block(self, cid: Cid) -> bytes:
        url = self._base + str(cid)
        return ask(self._session, "GET", url, limit=MAX_BLOCK_BYTES, seconds=self._seconds)

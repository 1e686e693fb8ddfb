"""Finds content by its CID wherever somebody may serve it; every block is verified. (SPEC ST-7)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from handfast import log
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Cid
from handfast.storage.disk import file_faults
from handfast.storage.kubo import KuboStore
from handfast.storage.reading import file_size
from handfast.storage.remote import RemoteReader
from handfast.storage.store import Reader

_log = log.get(__name__)

_OF_THE_CONTENT = ("no_file", "too_long", "too_deep", "bad_size")
"""What verified blocks say of themselves: whoever serves them, it will be the same."""


class Sources:
    """Where a voter looks for evidence. All of it blocks.

    own    the voter's store
    urls   of whoever serves blocks, asked in this order
    kubo   address of a node, asked before them
    """

    def __init__(self, own: Reader, urls: Sequence[str] = (), kubo: str | None = None) -> None:
        self._own = own
        self._urls = tuple(urls)
        self._kubo = kubo

    def save(self, cid: Cid, target: Path, limit: int, owners: Iterable[str] = ()) -> Path:
        """Have a file at a path.

        owners   endpoints of those who published it, asked last
        raises   Unavailable if nobody gives it now; Rejected if it is longer than the limit, or is
                 no file: that is so wherever it comes from
        """
        refusals = []
        for reader in self._readers(owners):
            try:
                _save(reader, cid, target, limit)
            except Rejected as error:
                if error.reason in _OF_THE_CONTENT:
                    raise
                refusals.append(str(error))
            except Unavailable as error:
                refusals.append(str(error))
            else:
                return target
        raise Unavailable(f"nobody gives {cid}: {'; '.join(refusals)}")

    def _readers(self, owners: Iterable[str]) -> Iterator[Reader]:
        yield self._own
        with ExitStack() as stack:
            if self._kubo is not None:
                yield stack.enter_context(KuboStore(self._kubo))
            for url in dict.fromkeys((*self._urls, *owners)):
                if url.startswith(("http://", "https://")):
                    yield stack.enter_context(RemoteReader(url))
                elif url:
                    _log.debug("not asked", endpoint=url)


def _save(reader: Reader, cid: Cid, target: Path, limit: int) -> None:
    try:
        size = file_size(reader, cid)
    except InvalidInput as error:
        raise Rejected(str(error), "no_file") from error
    if size > limit:
        raise Rejected(f"{cid} has {size} bytes, {limit} allowed", "too_long")
    with file_faults(str(target)), target.open("wb") as stream:
        for piece in reader.read(cid, limit):
            stream.write(piece)

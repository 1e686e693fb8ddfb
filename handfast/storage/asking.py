"""Asks HTTP servers that are not trusted: bounded answers, deadlines, and the project's errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3

from handfast.errors import Rejected, Unavailable
from handfast.storage.cid import Buffer

_CONNECT_SECONDS = 5.0
_PIECE_BYTES = 256 * 1024
_ERROR_BYTES = 16 * 1024


class Stream:
    """The body of an answer, as it comes."""

    def __init__(self, answer: requests.Response, url: str, seconds: float) -> None:
        self._answer = answer
        self._url = url
        self._seconds = seconds
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes, fewer only at the end.

        raises   Unavailable if they do not come in time, or the connection breaks off
        """
        deadline = time.monotonic() + self._seconds
        pieces: list[Buffer] = [self._rest]
        held = len(self._rest)
        while held < size:
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._url} is too slow")
            with _faults(self._url):
                piece = self._answer.raw.read1(_PIECE_BYTES, decode_content=False)
            if not piece:
                break
            pieces.append(piece)
            held += len(piece)
        view = memoryview(b"".join(pieces)) if len(pieces) > 1 else self._rest
        self._rest = view[size:]
        return bytes(view[:size])


@contextmanager
def open_stream(
    session: requests.Session, method: str, url: str, seconds: float, **request: Any
) -> Iterator[Stream]:
    """Ask, and read the answer as it comes.

    seconds   within which the server must begin to answer, and bring each part that is read
    request   what else `requests` is to send
    raises    Unavailable if the server does not answer, or with a 404 or 5xx; Rejected for any
              other status
    """
    with _faults(url):
        answer = session.request(
            method,
            url,
            stream=True,
            allow_redirects=False,
            timeout=(_CONNECT_SECONDS, seconds),
            **request,
        )
    with answer:
        stream = Stream(answer, url, seconds)
        if answer.status_code == requests.codes.ok:
            yield stream
            return
        text = f"{url} answers {answer.status_code}: {_reason(stream.read(_ERROR_BYTES))}"
        if answer.status_code == requests.codes.not_found or answer.status_code >= 500:
            raise Unavailable(text)
        raise Rejected(text, str(answer.status_code))


def ask(
    session: requests.Session, method: str, url: str, *, limit: int, seconds: float, **request: Any
) -> bytes:
    """The whole body of one answer (see `open_stream`).

    limit     bytes; a longer answer is cut off and refused
    """
    with open_stream(session, method, url, seconds, **request) as stream:
        body = stream.read(limit + 1)
    if len(body) > limit:
        raise Rejected(f"{url} answers more than {limit} bytes", "too_big")
    return body


@contextmanager
def _faults(url: str) -> Iterator[None]:
    try:
        yield
    except requests.Timeout as error:
        raise Unavailable(f"{url} did not answer in time") from error
    except requests.ConnectionError as error:
        raise Unavailable(f"{url} cannot be reached") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"{url} broke off: {error}") from error


def _reason(body: bytes) -> str:
    """What went wrong in the server's words, on one line."""
    try:
        message = json.loads(body)["Message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace")
    return " ".join(str(message).split())[:200] or "no reason"

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

_CONNECT_SECONDS = 5.0
_PIECE_BYTES = 64 * 1024
_ERROR_BYTES = 16 * 1024


def ask(
    session: requests.Session,
    method: str,
    url: str,
    *,
    limit: int,
    seconds: float,
    **request: Any,
) -> bytes:
    """The body of one answer.

    limit     bytes; a longer answer is cut off and refused
    seconds   until the whole answer must have come, and between two of its pieces
    request   what else `requests` is to send
    raises    Unavailable if the server does not answer, or with a 404 or 5xx; Rejected for any
              other status and for an answer that is too long
    """
    with _answer(session, method, url, seconds, **request) as answer:
        if answer.status_code == requests.codes.ok:
            return _read(answer, url, limit, seconds)
        reason = _reason(_read(answer, url, _ERROR_BYTES, seconds))
        text = f"{url} answers {answer.status_code}: {reason}"
        if answer.status_code == requests.codes.not_found or answer.status_code >= 500:
            raise Unavailable(text)
        raise Rejected(text, str(answer.status_code))


@contextmanager
def _answer(
    session: requests.Session, method: str, url: str, seconds: float, **request: Any
) -> Iterator[requests.Response]:
    try:
        with session.request(
            method,
            url,
            stream=True,
            allow_redirects=False,
            timeout=(_CONNECT_SECONDS, seconds),
            **request,
        ) as answer:
            yield answer
    except requests.ConnectionError as error:
        raise Unavailable(f"{url} cannot be reached") from error
    except requests.Timeout as error:
        raise Unavailable(f"{url} did not answer in time") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unavailable(f"{url} broke off: {error}") from error


def _read(answer: requests.Response, url: str, limit: int, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    body = bytearray()
    while piece := answer.raw.read1(_PIECE_BYTES, decode_content=False):
        body += piece
        if len(body) > limit:
            raise Rejected(f"{url} answers more than {limit} bytes", "too_big")
        if time.monotonic() > deadline:
            raise Unavailable(f"{url} is too slow")
    return bytes(body)


def _reason(body: bytes) -> str:
    """What went wrong in the server's words, on one line."""
    try:
        message = json.loads(body)["Message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace")
    return " ".join(str(message).split())[:200] or "no reason"

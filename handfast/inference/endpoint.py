"""Serve a model behind an HTTP endpoint that speaks the OpenAI images or chat format."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from yarl import URL

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.inference.generation import MAX_CONTENT, TEXT, Generation, media_type

Format = Literal["images", "chat"]

_PATHS: dict[Format, str] = {"images": "images/generations", "chat": "chat/completions"}
_TRY_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class EndpointGenerator:
    """A model behind `POST {base}/images/generations` or `POST {base}/chat/completions`.

    base       such as http://localhost:8080/v1
    model      the name by which the endpoint knows the model; "" leaves the choice to it
    key        sent as bearer token, never shown; over plain HTTP only to this machine
    timeout    seconds for the whole answer
    max_bytes  of the content
    """

    base: str
    format: Format
    model: str = ""
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    max_bytes: int = MAX_CONTENT

    def __post_init__(self) -> None:
        url = _parsed(self.base)
        if not all("!" <= character <= "~" for character in self.key):
            raise InvalidInput("the key has a space, a line end or another strange character")
        if self.key and url.scheme == "http" and not _is_local(url):
            raise InvalidInput(f"{url.host} is asked over plain HTTP: use https to send a key")

    @property
    def modality(self) -> str:
        """What the endpoint makes, which its format decides."""
        return "image" if self.format == "images" else "text"

    async def generate(self, prompt: str, seed: int) -> Generation:
        """Ask the endpoint. Images carry no seed: the format has none."""
        body = self._request(prompt, seed)
        answer = _parse(await self._post(body))
        content = _image(answer) if self.format == "images" else _text(answer)
        if len(content) > self.max_bytes:
            raise Rejected(f"the model answered over {self.max_bytes} bytes", "answer_too_large")
        return Generation(content, media_type(content) if self.format == "images" else TEXT)

    def _request(self, prompt: str, seed: int) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model} if self.model else {}
        if self.format == "images":
            return body | {"prompt": prompt, "n": 1, "response_format": "b64_json"}
        # JSON numbers are exact up to 2^53 only; endpoints take 32 bits or more.
        message = {"role": "user", "content": prompt}
        return body | {"messages": [message], "seed": seed % 2**31}

    async def _post(self, body: dict[str, Any]) -> bytes:
        """Send the request; read the answer up to the size limit and never follow a redirect."""
        base = _parsed(self.base)
        url = (base / _PATHS[self.format]).with_query(base.query)
        headers = {"Accept-Encoding": "identity"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        # Never inflated: a compressed answer was not asked for and could grow without limit.
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(self.timeout), auto_decompress=False
        )
        try:
            async with (
                session,
                session.post(url, json=body, headers=headers, allow_redirects=False) as response,
            ):
                _check_status(response.status)
                return await _read(response, self.max_bytes * 4 // 3 + 64 * 1024)
        except TimeoutError as error:
            raise Unavailable(f"the model did not answer in {self.timeout:g} s") from error
        except aiohttp.ClientError as error:
            raise Unavailable(f"the model cannot be reached: {error}") from error


def _parsed(base: str) -> URL:
    try:
        url = URL(base)
    except ValueError as error:
        raise InvalidInput(f"{base!r} is no URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidInput(f"{base!r} is no http or https URL")
    if url.user or url.password:
        raise InvalidInput(f"the URL of {url.host} holds a password: addresses are logged")
    return url


def _is_local(url: URL) -> bool:
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host or "").is_loopback
    except ValueError:
        return False


def _check_status(status: int) -> None:
    """Turn a status into an error. The answer's text is not quoted: it may echo the key."""
    if status >= 500 or status in _TRY_AGAIN:
        raise Unavailable(f"the model answered with status {status}")
    if status != 200:
        raise Rejected(f"the model answered with status {status}", f"status_{status}")


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the whole answer, or stop as soon as it is over the limit."""
    parts = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        parts += chunk
        if len(parts) > limit:
            raise Rejected(f"the model answered over {limit} bytes", "answer_too_large")
    return bytes(parts)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("no JSON") from error


def _image(answer: Any) -> bytes:
    match answer:
        case {"data": [{"b64_json": str(encoded)}, *_]}:
            pass
        case {"data": [{"url": str()}, *_]}:
            raise _malformed("a URL where b64_json was asked for")
        case _:
            raise _malformed("no data[0].b64_json")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("base64 that does not decode") from error
    if not media_type(content).startswith("image/"):
        raise _malformed("bytes that are no image")
    return content


def _text(answer: Any) -> bytes:
    match answer:
        case {"choices": [{"message": {"content": str(text)}}, *_]} if text:
            return text.encode(errors="replace")
        case _:
            raise _malformed("no choices[0].message.content")


def _malformed(what: str) -> Rejected:
    return Rejected(f"the model's answer is malformed: {what}", "malformed_answer")

"""Walks down the providers until one has made something. (SPEC PR-3 to PR-5)

Nothing is locked here, so whatever goes wrong with one provider costs no more than its timer.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

from handfast.channels.state import Parameters
from handfast.codec import Codec
from handfast.crypto.bls import PublicKey
from handfast.crypto.ecdsa import Signer
from handfast.crypto.encryption import encrypt
from handfast.errors import Rejected, Unavailable
from handfast.protocol.constants import LockMode
from handfast.protocol.messages import Domain
from handfast.rounds.messages import (
    ACKNOWLEDGEMENT,
    ANNOUNCEMENT,
    PROMPT,
    PROMPT_CONTEXT,
    REQUEST,
    SEALED,
    STEP_DETAILS,
    STEP_PROMPT,
    Details,
    OpenPrompt,
    Product,
    RequestId,
    SealedPrompt,
    SignedAnnouncement,
    SignedRequest,
    check_acknowledgement,
    check_announcement,
    prompt_hash,
    sign_request,
)

T = TypeVar("T")

MAX_ANSWER = 64 * 1024
POLL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants.

    max_fee   smallest units
    patience  seconds for one answer of a provider, and for the product
    """

    prompt: OpenPrompt
    modality: str
    mode: LockMode
    max_fee: int
    patience: tuple[float, float] = (5.0, 60.0)


@dataclass(frozen=True, slots=True)
class Made:
    """A product that waits for its fee to be locked."""

    id: RequestId
    request: SignedRequest
    fee: int
    product: Product


class Caller:
    """Talks HTTP to providers; believes nothing that is not signed."""

    def __init__(self, signer: Signer, domain: Domain) -> None:
        self._signer = signer
        self._domain = domain
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop all connections."""
        await self._session.close()

    async def request(
        self, endpoint: str, channel: Parameters, wish: Wish, now: int
    ) -> tuple[SignedRequest, int]:
        """The first round of the handshake.

        now       seconds
        returns   the request and the fee that the provider asks for
        raises    Rejected, Unavailable or InvalidInput: try the next provider
        """
        details = Details(wish.modality, wish.mode, prompt_hash(wish.prompt))
        deadline = now + int(sum(wish.patience)) + 1
        request = sign_request(
            channel, details, wish.max_fee, deadline, signer=self._signer, domain=self._domain
        )
        answer = await self._post(
            f"{endpoint}/rounds", REQUEST.encode(request), ACKNOWLEDGEMENT, wish.patience[0]
        )
        check_acknowledgement(request, answer, STEP_DETAILS, wish.max_fee, self._domain)
        return request, answer.fee

    async def order(
        self, endpoint: str, request: SignedRequest, fee: int, key: PublicKey, wish: Wish
    ) -> Made:
        """The second round of the handshake, and what comes of it.

        key   the provider's registered decryption key
        """
        request_id = request.id(self._domain)
        sealed = SealedPrompt(encrypt(key, PROMPT.encode(wish.prompt), PROMPT_CONTEXT, request_id))
        base = f"{endpoint}/rounds/{request_id.hex()}"
        answer = await self._post(
            f"{base}/prompt", SEALED.encode(sealed), ACKNOWLEDGEMENT, wish.patience[0]
        )
        check_acknowledgement(request, answer, STEP_PROMPT, fee, self._domain)
        announcement = await self._until_made(base, wish)
        check_announcement(request, announcement, self._domain)
        return Made(request_id, request, answer.fee, announcement.product)

    async def _until_made(self, base: str, wish: Wish) -> SignedAnnouncement:
        try:
            async with asyncio.timeout(wish.patience[1]):
                while True:
                    try:
                        url = f"{base}/announcement?wait={POLL_SECONDS:g}"
                        return await self._get(url, ANNOUNCEMENT, 2 * POLL_SECONDS)
                    except Unavailable:
                        await asyncio.sleep(0.2)
        except TimeoutError:
            raise Unavailable("the provider made nothing in time") from None

    async def _post(self, url: str, body: bytes, codec: Codec[T], seconds: float) -> T:
        return await self._answer("POST", url, body, codec, seconds)

    async def _get(self, url: str, codec: Codec[T], seconds: float) -> T:
        return await self._answer("GET", url, None, codec, seconds)

    async def _answer(
        self, method: str, url: str, body: bytes | None, codec: Codec[T], seconds: float
    ) -> T:
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.request(
                method, url, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                data = await response.content.read(MAX_ANSWER + 1)
                while len(data) <= MAX_ANSWER and not response.content.at_eof():
                    data += await response.content.read(MAX_ANSWER + 1 - len(data))
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(f"{url} does not answer: {type(error).__name__}") from error
        if len(data) > MAX_ANSWER:
            raise Rejected(f"{url} answers more than {MAX_ANSWER} bytes", "too_large")
        if status == HTTPStatus.OK:
            return codec.decode(data)
        raise _refused(url, status, data)


def _refused(url: str, status: int, data: bytes) -> Rejected | Unavailable:
    """The error of `handfast.serving` in an answer."""
    try:
        error = json.loads(data)
        code, detail = str(error["error"]), str(error["detail"])
    except (ValueError, TypeError, KeyError):
        return Unavailable(f"{url} answers with status {status}")
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return Unavailable(f"{url}: {detail[:300]}")
    return Rejected(f"the provider refuses: {detail[:300]}", code[:40])

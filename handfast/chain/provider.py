"""Asks a node over HTTP JSON-RPC, and takes no answer that belongs to another question."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from collections.abc import Sequence
from typing import Any

import aiohttp

from handfast.chain.abi import describe_revert
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable

MAX_ANSWER = 256 * 1024 * 1024
_EXAMPLE = "http://127.0.0.1:8545"
_REVERTED = 3
_LIMITED = -32005
# What a node says while it lags behind or is busy. Asking again helps.
_PASSING = ("header not found", "unknown block", "missing trie node", "timeout", "too many req")
# Only Ethereum's own methods can be repeated: a second evm_revert is another deed.
_REPEATABLE = ("eth_", "net_", "web3_")


class NodeProvider:
    """A node, asked again with backoff while it does not answer.

    url        its HTTP address
    timeout    seconds to wait for one answer
    attempts   how often one question is asked before Unavailable is raised
    pause      seconds between the first two attempts; it doubles from there
    """

    def __init__(
        self, url: str, *, timeout: float = 10.0, attempts: int = 4, pause: float = 0.2
    ) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._attempts = attempts
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, parameters: Sequence[Any]) -> Any:
        """The result of one question.

        raises   Rejected if the node refuses, with the decoded revert if there is one;
                 Unavailable if it does not answer; InvalidInput if its URL is none
        """
        answer = await self._ask_patiently(method, parameters)
        error = answer.get("error")
        if error is not None:
            raise refusal(method, error)
        return answer["result"]

    async def disconnect(self) -> None:
        """Close the connections. A later request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask_patiently(self, method: str, parameters: Sequence[Any]) -> dict[str, Any]:
        attempts = self._attempts if method.startswith(_REPEATABLE) else 1
        for attempt in range(attempts - 1):
            try:
                return await self._post(method, parameters)
            except Unavailable:
                await asyncio.sleep(self._pause * 2**attempt * random.uniform(0.5, 1.0))
        return await self._post(method, parameters)

    async def _post(self, method: str, parameters: Sequence[Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        number = next(self._numbers)
        question = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}
        try:
            async with self._session.post(self.url, json=question) as response:
                answer = await _read(response)
                if not _belongs(answer, number):
                    # The connection is out of step: what follows on it is not ours either.
                    response.close()
                    raise Unavailable(f"{self._node()} answered {method} with another's answer")
                return answer
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise InvalidInput(f"{self._node()} has no URL such as {_EXAMPLE}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            detail = _words(error)
            raise Unavailable(f"{self._node()} did not answer {method}: {detail}") from error

    def _node(self) -> str:
        # A node's URL often carries a secret in its path or before its name.
        return f"the node at {self.url.split('://')[-1].split('/')[0].split('@')[-1]}"


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno is not None:
        return os.strerror(error.os_error.errno)
    return str(error) or type(error).__name__


async def _read(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The JSON-RPC answer in a response, whatever its status: nodes differ in what they set."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER:
            response.close()
            raise Rejected(f"the node's answer is longer than {MAX_ANSWER} bytes", "AnswerTooLong")
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and ("error" in answer or "result" in answer):
        return answer
    if response.status in {401, 403, 404}:
        raise Rejected(f"the node refuses access: HTTP {response.status}", "NoAccess")
    raise Unavailable(f"the node answered HTTP {response.status} without a JSON-RPC answer")


def _belongs(answer: dict[str, Any], number: Any) -> bool:
    # An error about a request that could not be read has no number.
    return answer.get("id") == number or ("error" in answer and answer.get("id") is None)


def refusal(method: str, error: Any) -> HandfastError:
    """What a JSON-RPC error means: a decoded revert, a refusal, or ask again later."""
    if not isinstance(error, dict):
        return Rejected(f"the node refused {method}: {error}", str(error))
    code, message = error.get("code"), str(error.get("message", "no message"))
    data = _revert_data(error.get("data"))
    if code == _REVERTED or data is not None or "revert" in message:
        reason = describe_revert(data or b"")
        return Rejected(f"the chain refuses: {reason}", reason)
    lowered = message.lower()
    # A limit on logs is answered by asking for fewer, any other one by waiting.
    if code == _LIMITED and method != "eth_getLogs":
        return Unavailable(f"the node limits {method}: {message}")
    if method != "eth_sendRawTransaction" and any(text in lowered for text in _PASSING):
        return Unavailable(f"the node could not answer {method}: {message}")
    return Rejected(f"the node refused {method}: {message}", message)


def _revert_data(data: Any) -> bytes | None:
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str):
        return None
    try:
        return bytes.fromhex(data.removeprefix("Reverted ").removeprefix("0x"))
    except ValueError:
        return None

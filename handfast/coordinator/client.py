"""Brings opinions to coordinators and scores back, proven against the chain's final roots. (PR-1)

Coordinators are tried in turn: the next one where one is away, or shows what it can't prove.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from handfast.chain.reputation import ReputationRollup
from handfast.coordinator.intake import ACCEPTED, AGAIN, LEVY, UNPAID, Answer
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.log import get
from handfast.reputation.encoding import ClientLeaf, ProviderLeaf, ShardState
from handfast.reputation.evidence import Evidence
from handfast.reputation.rules import UNKNOWN, Score
from handfast.reputation.scores import (
    NO_ROOT,
    check_clients,
    check_leaf,
    check_words,
    personal_score_of,
)

T = TypeVar("T")

_log = get(__name__)
_MAX_ANSWER = 64 * 1024 * 1024
"""Bytes, unless told otherwise."""
_AT_ONCE = 256
_ATTEMPTS = 3
_LEAF_BYTES = 56
_PASSING = {"provider", "client", LEVY, UNPAID, AGAIN}
"""Refusals that time, or another coordinator, may change."""


Leaves = dict[int, ProviderLeaf | None]
"""A proven leaf, or its proven lack, for each provider that was asked for."""


class CoordinatorClient:
    """Some coordinators. Close it, or use it as an async context manager.

    rollup    the chain's word
    shards    of the roll-up's deployment
    urls      may be none: then nothing has a score, and opinions wait
    timeout   seconds for one answer
    pause     seconds before all of them are asked again
    limit     most bytes of one answer
    """

    def __init__(
        self,
        rollup: ReputationRollup,
        shards: int,
        urls: Sequence[str],
        *,
        timeout: float = 15.0,
        pause: float = 0.5,
        limit: int = _MAX_ANSWER,
    ) -> None:
        self._limit = limit
        self._rollup = rollup
        self._shards = shards
        self._pause = pause
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))

    async def close(self) -> None:
        """Drop all connections."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ------------------------------------------------------------ opinions

    async def submit(self, evidence: Evidence) -> bool:
        """Bring an opinion to one coordinator after the other. It can be brought again.

        returns  True once one has it for good, False if all of them say that they never will: one
                 that lies is not to keep it from the others
        raises   Unavailable if it is to be brought again later
        """
        later = "none is named"
        refusals = 0
        for url in self._urls:
            try:
                (answer,) = await _told(self._bring(url, [evidence]))
            except (Unavailable, Rejected, InvalidInput) as error:
                later = str(error)
                continue
            if answer.code == ACCEPTED:
                return True
            _log.warning("opinion refused", url=url, code=answer.code, detail=answer.detail)
            later = f"no coordinator takes the opinion now: {answer.detail}"
            refusals += answer.code not in _PASSING
        if self._urls and refusals == len(self._urls):
            return False
        raise Unavailable(later)

    async def submit_all(self, evidence: Sequence[Evidence]) -> list[Answer]:
        """Bring opinions to the first coordinator that answers, those of a pair in the order of
        their nonces; an answer for each.

        raises   Unavailable if they are to be brought again later
        """
        return await self._in_turn(lambda url: self._bring(url, evidence))

    async def _bring(self, url: str, evidence: Sequence[Evidence]) -> list[Answer]:
        body = b"".join(each.encode() for each in evidence)
        found = await self._exchange("POST", f"{url}/opinions", body)
        answers = [Answer(str(each["code"]), str(each["detail"])) for each in found["answers"]]
        if len(answers) != len(evidence):
            raise Rejected("an answer is missing", "answers")
        return answers

    # ------------------------------------------------------------ scores

    async def scores(self, providers: Sequence[int]) -> Mapping[int, int]:
        """Proven neutral scores, out of SCALE; those never scored are left out, and all of them if
        no coordinator can prove any now: a score without a proof is no score. (RP-31)
        """
        try:
            leaves = await self.leaves(providers)
        except Unavailable as error:
            _log.warning("no scores", error=str(error))
            return {}
        return {
            provider: leaf.score.score
            for provider, leaf in leaves.items()
            if leaf is not None and leaf.score_epoch
        }

    async def leaves(self, providers: Sequence[int]) -> Leaves:
        """Leaves of these providers, each proven against the chain.

        raises   Unavailable if no coordinator can prove them now
        """
        found: Leaves = {}
        for shard in range(self._shards):
            mine = [each for each in dict.fromkeys(providers) if each % self._shards == shard]
            for at in range(0, len(mine), _AT_ONCE):
                found |= await self._leaves_of(shard, mine[at : at + _AT_ONCE])
        return found

    async def _leaves_of(self, shard: int, providers: Sequence[int]) -> Leaves:
        query = ",".join(map(str, providers))

        async def fetch(url: str) -> Leaves:
            found = await self._exchange("GET", f"{url}/scores?providers={query}")
            (of_shard,) = found["shards"]
            root = await self._rollup.finalised_root(shard)
            if root == NO_ROOT:
                return dict.fromkeys(providers)
            return self._prove(of_shard, shard, root, providers)

        return await self._in_turn(fetch)

    def _prove(self, answer: Any, shard: int, root: bytes, providers: Sequence[int]) -> Leaves:
        words = _words(answer["words"])
        check_words(words, shard, root)
        shown = {_word(each["provider"]): each for each in answer["scores"]}
        proven: Leaves = {}
        for provider in providers:
            text = shown[provider]["leaf"]
            leaf = ProviderLeaf.decode(_bytes(text)) if text is not None else None
            path = [_bytes(sibling) for sibling in shown[provider]["path"]]
            check_leaf(words, provider // self._shards, leaf, path)
            proven[provider] = leaf
        return proven

    async def personal_score(
        self, provider: int, client: int, sensitivity: int, epoch: int
    ) -> Score:
        """A provider's score in a client's own eyes, from proven leaves. (RP-29)

        client   registry id
        epoch    the present
        raises   Unavailable if no coordinator can prove them now
        """
        shard = provider % self._shards

        async def fetch(url: str) -> Score:
            first = await self._page(url, provider, 0)
            root = await self._rollup.finalised_root(shard)
            if root == NO_ROOT or first is None:
                if (await self._leaves_of(shard, [provider]))[provider] is not None:
                    raise Rejected(
                        f"provider {provider} has clients that were not shown", "clients"
                    )
                return UNKNOWN
            leaf = self._prove(first, shard, root, [provider])[provider]
            if leaf is None:
                return UNKNOWN
            clients = _clients(first)
            while len(clients) < leaf.clients:
                more = _clients(await self._page(url, provider, len(clients)))
                if not more:
                    break
                clients += more
            check_clients(leaf, clients)
            return personal_score_of(leaf, clients, client, sensitivity, epoch)

        return await self._in_turn(fetch)

    async def _page(self, url: str, provider: int, first: int) -> Any:
        """Clients from a position on; None if the coordinator says that nobody has rated it."""
        try:
            return await self._exchange("GET", f"{url}/providers/{provider}/clients?from={first}")
        except Rejected as error:
            if error.reason == "unknown_provider":
                return None
            raise

    # ------------------------------------------------------------ asking

    async def _exchange(self, method: str, url: str, body: bytes | None = None) -> dict[str, Any]:
        return await _exchange(self._session, method, url, body, self._limit)

    async def _in_turn(self, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask one coordinator after the other, and all of them again: a final root may move between
        the coordinator's answer and the chain's."""
        last = "none is named"
        for attempt in range(_ATTEMPTS):
            for url in self._urls:
                try:
                    return await _told(ask(url))
                except (Unavailable, Rejected, InvalidInput) as error:
                    last = str(error)
                _log.info("next coordinator", url=url, error=last)
            if self._urls and attempt + 1 < _ATTEMPTS:
                await asyncio.sleep(self._pause)
        raise Unavailable(f"no coordinator helps: {last}")


async def _told(asked: Awaitable[T]) -> T:
    """What a coordinator answers.

    raises   Rejected if it makes no sense, beside what the question itself raises
    """
    try:
        return await asked
    except (KeyError, TypeError, ValueError) as error:
        raise Rejected(f"a coordinator answers nonsense: {error!r}", "nonsense") from error


async def fetch_status(url: str) -> dict[str, Any]:
    """What a coordinator says of itself.

    raises   Unavailable if it does not answer
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15.0)) as session:
        return await _exchange(session, "GET", f"{url.rstrip('/')}/status")


async def _exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    body: bytes | None = None,
    limit: int = _MAX_ANSWER,
) -> dict[str, Any]:
    """One question and its JSON answer.

    raises   Rejected with the code of a refusal, Unavailable if it makes sense to ask again
    """
    try:
        async with session.request(method, url, data=body) as response:
            answer = json.loads(await _read(response, limit))
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        detail = str(error) or type(error).__name__
        raise Unavailable(f"{url} does not answer: {detail}") from error
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"{url} answers no JSON") from error
    if not isinstance(answer, dict):
        raise Unavailable(f"{url} answers something else")
    if status == 200:
        return answer
    detail = f"{url} refuses: {answer.get('detail')}"
    if status in {408, 429} or status >= 500:
        raise Unavailable(detail)
    raise Rejected(detail, str(answer.get("error")))


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            raise Unavailable(f"{response.url.origin()} answers with too many bytes")
    return bytes(body)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("bytes are told as a string")
    return bytes.fromhex(text.removeprefix("0x"))


def _word(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < 1 << 256:
        raise ValueError("a word is an integer of at most 256 bits")
    return number


def _clients(page: Any) -> list[ClientLeaf]:
    data = _bytes(page["clients"])
    places = range(0, len(data), _LEAF_BYTES)
    return [ClientLeaf.decode(data[at : at + _LEAF_BYTES]) for at in places]


def _words(answer: Any) -> ShardState:
    return ShardState(
        _word(answer["shard"]),
        _bytes(answer["root"]),
        _word(answer["providers"]),
        _word(answer["levy"]),
        _word(answer["opinions"]),
    )

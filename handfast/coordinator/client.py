"""Deals with coordinators from outside: brings them opinions, and believes none of their scores.
(SPEC PR-1, PR-8, RP-31)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp

from handfast import log
from handfast.chain.reputation import ReputationRollup
from handfast.crypto.merkle import verify
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.reputation.encoding import Malformed, ProviderLeaf, ShardState
from handfast.reputation.evidence import Evidence

_log = log.get(__name__)

_MAX_ANSWER = 4 * 1024 * 1024
_SECONDS = 10.0
_ACCEPTED = "accepted"
_PASSING = frozenset({"busy", "nonce_gap", "unregistered", "unavailable", "rate", "slow"})
"""Codes of opinions that may be accepted later."""


class CoordinatorClient:
    """Some coordinators, asked one after the other until one will do.

    urls   may be none: then nothing has a score, and opinions wait
    """

    def __init__(self, rollup: ReputationRollup, shards: int, urls: Sequence[str]) -> None:
        self._rollup = rollup
        self._shards = shards
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))

    async def close(self) -> None:
        """Drop all connections."""
        await self._session.close()

    # ------------------------------------------------------------ opinions

    async def submit(self, evidence: Evidence) -> bool:
        """Bring one opinion: True once a coordinator has it durably, False if none ever will.

        raises   Unavailable if none could be asked, or it may be taken later
        """
        refused = False
        for url in self._urls:
            try:
                answer = await self._ask("POST", f"{url}/opinions", evidence.encode())
                code = str(answer["answers"][0]["code"])
            except (HandfastError, KeyError, IndexError, TypeError) as error:
                _log.info("the coordinator does not answer", url=url, error=str(error))
                continue
            if code == _ACCEPTED:
                return True
            _log.info("the coordinator refuses the opinion", url=url, code=code)
            refused = refused or code not in _PASSING
        if refused:
            return False
        raise Unavailable("no coordinator takes the opinion now")

    # ------------------------------------------------------------ scores

    async def leaves(self, providers: Sequence[int]) -> Mapping[int, ProviderLeaf]:
        """The proven leaves of providers, from the first coordinator that proves any; a provider
        without one has no opinions yet, or none that a coordinator shows.
        """
        for url in self._urls if providers else ():
            try:
                return await self._leaves_from(url, providers)
            except HandfastError as error:
                _log.info("no scores from this coordinator", url=url, error=str(error))
        return {}

    async def scores(self, providers: Sequence[int]) -> Mapping[int, int]:
        """The proven scores of providers, out of SCALE; those never scored are left out."""
        leaves = await self.leaves(providers)
        return {id_: leaf.score.score for id_, leaf in leaves.items() if leaf.score_epoch}

    async def _leaves_from(self, url: str, providers: Sequence[int]) -> dict[int, ProviderLeaf]:
        wanted = ",".join(map(str, providers))
        answer = await self._ask("GET", f"{url}/scores?providers={wanted}")
        proven: dict[int, ProviderLeaf] = {}
        try:
            for shown in answer["shards"]:
                words = _words(shown["words"])
                if words.hash() != await self._rollup.finalised_root(words.shard):
                    raise Rejected("the scores are not under the finalised root", "stale_root")
                for each in shown["scores"]:
                    id_, leaf = self._proven(words, each)
                    proven[id_] = leaf
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected(f"{url} answers nonsense: {error!r}", "malformed") from error
        return {id_: leaf for id_, leaf in proven.items() if id_ in set(providers)}

    def _proven(self, words: ShardState, shown: Mapping[str, Any]) -> tuple[int, ProviderLeaf]:
        id_ = int(shown["provider"])
        position, shard = divmod(id_, self._shards)
        try:
            leaf = ProviderLeaf.decode(_bytes(shown["leaf"]))
        except Malformed as error:
            raise Rejected(f"the leaf of provider {id_} is malformed", "malformed") from error
        path = [_bytes(sibling) for sibling in shown["path"]]
        if shard != words.shard or not verify(
            words.root, leaf.hash(), position, words.providers, path
        ):
            raise Rejected(f"the path of provider {id_} proves nothing", "bad_path")
        return id_, leaf

    # ------------------------------------------------------------ HTTP

    async def _ask(self, method: str, url: str, body: bytes | None = None) -> Any:
        try:
            async with self._session.request(method, url, data=body) as response:
                data = await response.content.read(_MAX_ANSWER + 1)
                while len(data) <= _MAX_ANSWER and not response.content.at_eof():
                    data += await response.content.read(_MAX_ANSWER + 1 - len(data))
                status = response.status
        except (aiohttp.ClientError, TimeoutError, InvalidInput, ValueError) as error:
            raise Unavailable(f"{url} does not answer: {type(error).__name__}") from error
        if len(data) > _MAX_ANSWER or status != HTTPStatus.OK:
            raise Unavailable(f"{url} answers with status {status}")
        try:
            return json.loads(data)
        except ValueError as error:
            raise Rejected(f"{url} answers no JSON", "malformed") from error


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError("expected 0x-hex")
    return bytes.fromhex(text[2:])


def _words(shown: Mapping[str, Any]) -> ShardState:
    numbers = {name: int(shown[name]) for name in ("shard", "providers", "levy", "opinions")}
    return ShardState(root=_bytes(shown["root"]), **numbers)

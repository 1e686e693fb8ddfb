"""What an evaluator is given: events of the case's client, and what was published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handfast.crypto.bls import SecretKey
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.sandbox import Sandbox
from handfast.disputes.sources import Sources
from handfast.errors import Rejected, Unavailable
from handfast.storage.cid import Cid, Codec


@dataclass(frozen=True, slots=True)
class Tools:
    """What judging takes.

    voter      account
    chain_id   of the chain
    endpoint   where an account serves its content; empty if nowhere
    secrets    the voter's decryption keys, newest first
    now        seconds, as the chain counts them
    folder     for what is being evaluated
    """

    voter: str
    chain_id: int
    sandbox: Sandbox
    sources: Sources
    dossiers: Dossiers
    endpoint: Callable[[str], Awaitable[str]]
    secrets: Callable[[], Awaitable[Sequence[SecretKey]]]
    now: Callable[[], int]
    folder: Path


@dataclass(frozen=True, slots=True)
class Published:
    """Content that somebody promised to serve."""

    cid: Cid
    owner: str

    @staticmethod
    def of(content: Sequence[Any], owner: str) -> Published:
        """Out of the contracts' struct: digest and codec."""
        digest, codec = content
        return Published(Cid(Codec(codec), digest), owner)


async def fetch(tools: Tools, content: Published, target: Path, limit: int, until: int) -> Path:
    """Have content at a path.

    until    when what cannot be had counts as kept back
    raises   Rejected if it is no good, or was kept back; Unavailable to be tried again
    """
    owner = await tools.endpoint(content.owner)
    try:
        return await asyncio.to_thread(tools.sources.save, content.cid, target, limit, (owner,))
    except Unavailable as error:
        if tools.now() < until:
            raise
        raise Rejected(f"kept back: {error}", "kept_back") from error

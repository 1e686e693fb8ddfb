"""What the chain itself says, for somebody who believes nobody."""

from __future__ import annotations

from typing import Any

from handfast.chain.client import Chain
from handfast.chain.follower import Advanced, Follower
from handfast.chain.reputation import ReputationRollup, posted_header
from handfast.reputation.batches import Batch, Posted, replay
from handfast.reputation.state import State
from tests.services.coordinator.town import Town

REGISTERED = 5


async def replayed(town: Town, chain: Chain) -> State:
    """The state that the chain's batches lead to, for somebody who believes nobody."""
    rollup = town.rollup(chain)
    follower = Follower(chain, [rollup])
    cursor = await follower.origin()
    state = State()
    while isinstance(step := await follower.next(cursor), Advanced):
        for block in step.blocks:
            for event in block.events:
                if event.name == "BatchPosted":
                    await execute(state, chain, rollup, event)
        cursor = step.cursor
    return state


async def execute(state: State, chain: Chain, rollup: ReputationRollup, event: Any) -> None:
    header = posted_header(event)
    sent = await chain.input_of(event.log.transaction)
    assert sent is not None
    posted = Posted(
        header.kind,
        header.epoch,
        header.closes,
        header.levy,
        header.folds,
        rollup.posted_data(sent[1]),
    )
    assert isinstance(replay(state, posted, REGISTERED), Batch)


def last_nonces(state: State) -> dict[tuple[int, int], int]:
    return {(provider, client.client): client.nonce for provider, client in state.clients()}


async def request(town: Town, method: str, *parameters: Any) -> Any:
    async with Chain(town.anvil.url) as chain:
        return await chain.request(method, *parameters)

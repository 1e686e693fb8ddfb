"""Does what a party decided on chain, once, whatever dies on the way. (SPEC PR-10)"""

from __future__ import annotations

from handfast import log
from handfast.chain.client import Call, Mined
from handfast.chain.sender import Sender
from handfast.errors import Rejected

_log = log.get(__name__)


async def do(sender: Sender, deed: str, call: Call) -> Mined:
    """Send a call that can succeed once, and wait until the chain holds it deep enough.

    A transaction that was overtaken and failed is tried again, unless the chain refuses that
    beforehand, which costs nothing.

    deed     names it for ever; the same deed is the same call
    raises   Rejected if the chain refuses, or the account can't pay; Unavailable without a node
    """
    attempt = 0
    while True:
        name = f"{deed} {attempt}"
        try:
            return await sender.send(name, call)
        except Rejected as error:
            if not sender.knows(name):
                raise
            _log.warning("a transaction failed", deed=name, reason=error.reason)
        attempt += 1

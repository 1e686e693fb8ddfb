"""Carries out, through a `ChainPort`, what an end wants done on chain."""

from __future__ import annotations

from typing import assert_never

from handfast.channels.chain import ChainPort, Signatures
from handfast.channels.channel import Withdrawing, state_digest, withdrawal_digest
from handfast.channels.effects import (
    ChainAction,
    CloseCooperatively,
    RegisterState,
    ResolveLocks,
    Reveal,
    SettleChannel,
    WithdrawTotal,
)
from handfast.channels.rules import close_of
from handfast.channels.terms import Terms
from handfast.channels.wire import Party
from handfast.crypto.ecdsa import Signer


async def carry_out(chain: ChainPort, terms: Terms, signer: Signer, action: ChainAction) -> None:
    """Do one action, with our signature beside the peer's where both are due.

    raises   Rejected if the contract refuses, Unavailable if the node does not answer
    """
    parameters = terms.parameters
    match action:
        case Reveal(preimage):
            await chain.reveal(preimage)
        case RegisterState(book, signature):
            own = signer.sign(state_digest(terms, book)) if book.version else b""
            await chain.register_state(parameters, book, _ordered(terms, own, signature))
        case SettleChannel(book, positions, cancelled):
            await chain.settle(parameters, book, positions, dict(cancelled))
        case ResolveLocks(book, positions, cancelled):
            await chain.resolve(parameters, book, positions, dict(cancelled))
        case CloseCooperatively(book, deadline, signature):
            own = signer.sign(close_of(book, deadline).digest(terms.domain))
            both = _ordered(terms, own, signature)
            await chain.close_cooperatively(parameters, book, deadline, both)
        case WithdrawTotal(party, total, deadline, signature):
            wished = Withdrawing(party, total, deadline)
            own = signer.sign(withdrawal_digest(terms, wished))
            both = _ordered(terms, own, signature)
            await chain.withdraw(parameters, terms.account(party), total, deadline, both)
        case _:
            assert_never(action)


def _ordered(terms: Terms, own: bytes, other: bytes) -> Signatures:
    return (own, other) if terms.party is Party.CLIENT else (other, own)

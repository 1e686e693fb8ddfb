"""What proves that an opinion may be included, from client to coordinator to archive.
(SPEC RP-4, RP-5, CO-1)

A piece of evidence is one run of bytes that is sent, stored and archived alike, so that what a
coordinator shows on demand is what the client gave it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from handfast.channels.rules import id_of
from handfast.channels.state import ChannelId, Parameters
from handfast.crypto.ecdsa import SIGNATURE_BYTES, is_signed_by
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import FEE_UNIT, MAX_FEE_UNITS
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.reputation.encoding import Malformed
from handfast.reputation.payments import MovedProduct, PaidLock, Payment

RECEIPTED = 1
PAID_LOCK = 2
MOVED_PRODUCT = 3
"""Kinds of evidence: with the provider's receipt, or with what stands for it."""

_HEAD = struct.Struct(">BH")
_PARAMETERS = struct.Struct(">20s20s20sQ32s")
_BODY = struct.Struct(f">{_PARAMETERS.size}sQ32s16sQB{SIGNATURE_BYTES}s{SIGNATURE_BYTES}s")
_TAIL = struct.Struct(f">B{SIGNATURE_BYTES}s")
EVIDENCE_BYTES = _HEAD.size + _BODY.size
"""Of the normal kind, with a receipt."""
_KNOWN_CHANNELS = 1 << 16


@dataclass(frozen=True, slots=True)
class Receipted:
    """The provider's signature of the receipt, 65 bytes. (RP-4)"""

    signature: bytes


Proof = Receipted | Payment


@dataclass(frozen=True, slots=True)
class Evidence:
    """An opinion on a receipt, and what proves the receipt.

    receipt            of a payment: that of its pledge
    client_signature   of the opinion, 65 bytes
    """

    parameters: Parameters
    receipt: Receipt
    satisfied: bool
    proof: Proof
    client_signature: bytes

    @property
    def fee_units(self) -> int:
        """The fee in FEE_UNIT, for evidence whose `check` passed."""
        return self.receipt.fee // FEE_UNIT

    @property
    def payment(self) -> Payment | None:
        """What the chain has to confirm besides; None if nothing. (RP-5)"""
        return None if isinstance(self.proof, Receipted) else self.proof

    def encode(self) -> bytes:
        """`kind 1 ‖ length 2 ‖ client 20 ‖ provider 20 ‖ token 20 ‖ challenge period 8 ‖ salt 32`,
        then `round 8 ‖ product 32 ‖ fee 16 ‖ nonce 8 ‖ satisfied 1 ‖ signatures 65, 65` or
        `payment ‖ satisfied 1 ‖ signature 65`."""
        parameters, receipt = self.parameters, self.receipt
        channel = _PARAMETERS.pack(
            bytes.fromhex(parameters.client[2:]),
            bytes.fromhex(parameters.provider[2:]),
            bytes.fromhex(parameters.token[2:]),
            parameters.challenge_period,
            parameters.salt,
        )
        if not isinstance(self.proof, Receipted):
            kind = PAID_LOCK if isinstance(self.proof, PaidLock) else MOVED_PRODUCT
            tail = _TAIL.pack(self.satisfied, self.client_signature)
            body = channel + self.proof.encode() + tail
            return _HEAD.pack(kind, len(body)) + body
        return _HEAD.pack(RECEIPTED, _BODY.size) + _BODY.pack(
            channel,
            receipt.round,
            receipt.product,
            receipt.fee.to_bytes(16, "big"),
            receipt.nonce,
            self.satisfied,
            self.proof.signature,
            self.client_signature,
        )

    @classmethod
    def decode(cls, data: bytes) -> Evidence:
        """Read one piece of evidence, to the last byte.

        raises   Malformed if it is none
        """
        if len(data) == EVIDENCE_BYTES and data[: _HEAD.size] == _HEAD.pack(RECEIPTED, _BODY.size):
            return cls._decode_receipted(data)
        size = len(data) - _HEAD.size
        if size < _PARAMETERS.size + _TAIL.size:
            raise Malformed(f"{len(data)} bytes are no evidence")
        kind, length = _HEAD.unpack_from(data)
        if length != size or kind not in {PAID_LOCK, MOVED_PRODUCT}:
            raise Malformed(f"{len(data)} bytes are no evidence")
        body = data[_HEAD.size :]
        parameters, id_ = _channel(body[: _PARAMETERS.size])
        payment = body[_PARAMETERS.size : -_TAIL.size]
        proof: Payment = (
            PaidLock.decode(payment) if kind == PAID_LOCK else MovedProduct.decode(payment)
        )
        satisfied, signature = _TAIL.unpack(body[-_TAIL.size :])
        return cls(parameters, proof.pledge.receipt(id_), _verdict(satisfied), proof, signature)

    @classmethod
    def _decode_receipted(cls, data: bytes) -> Evidence:
        channel, round_, product, fee, nonce, satisfied, by_provider, by_client = _BODY.unpack_from(
            data, _HEAD.size
        )
        verdict = _verdict(satisfied)
        parameters, id_ = _channel(channel)
        receipt = Receipt(id_, round_, product, int.from_bytes(fee, "big"), nonce)
        return cls(parameters, receipt, verdict, Receipted(by_provider), by_client)

    def check(self, hub: Domain, token: str) -> None:
        """Check all that needs no registry, no history and no chain. (RP-6, RP-7)

        hub      domain of the ChannelHub
        token    address of MarketToken
        raises   Rejected with a code: token, fee, receipt_signature, opinion_signature, or of a
                 payment product, not_moved, state_signature
        """
        parameters, receipt = self.parameters, self.receipt
        if parameters.token.lower() != token.lower():
            raise Rejected("the channel's fees are not in MarketToken", "token")
        units, rest = divmod(receipt.fee, FEE_UNIT)
        if rest or not 0 < units <= MAX_FEE_UNITS:
            raise Rejected(f"fee {receipt.fee} is not 1 to {MAX_FEE_UNITS} of FEE_UNIT", "fee")
        digest = receipt.digest(hub)
        if not isinstance(self.proof, Receipted):
            self.proof.check(ChannelId(receipt.channel), parameters.provider, hub)
        elif not is_signed_by(parameters.provider, digest, self.proof.signature):
            raise Rejected("the provider did not sign this receipt", "receipt_signature")
        opinion = Opinion(digest, self.satisfied).digest(hub)
        if not is_signed_by(parameters.client, opinion, self.client_signature):
            raise Rejected("the client did not sign this opinion", "opinion_signature")


def give_evidence(
    parameters: Parameters,
    receipt: Receipt,
    proof: Proof,
    satisfied: bool,
    hub: Domain,
    sign: Callable[[bytes], bytes],
) -> Evidence:
    """A client's opinion with all that proves it.

    sign   signs a digest with the client's key
    """
    opinion = Opinion(receipt.digest(hub), satisfied)
    return Evidence(parameters, receipt, satisfied, proof, sign(opinion.digest(hub)))


def _verdict(satisfied: int) -> bool:
    if satisfied > 1:
        raise Malformed("a verdict is 0 or 1")
    return bool(satisfied)


@lru_cache(maxsize=_KNOWN_CHANNELS)
def _channel(packed: bytes) -> tuple[Parameters, ChannelId]:
    client, provider, token, challenge_period, salt = _PARAMETERS.unpack(packed)
    try:
        parameters = Parameters(
            "0x" + client.hex(), "0x" + provider.hex(), "0x" + token.hex(), challenge_period, salt
        )
    except InvalidInput as error:
        raise Malformed(str(error)) from error
    return parameters, id_of(parameters)


def same_content(left: bytes, right: bytes) -> bool:
    """Whether two pieces of evidence say the same of the same payment, whatever proves it."""
    return _content(left) == _content(right)


def _content(data: bytes) -> tuple[Parameters, bytes, int, int, bool]:
    evidence = Evidence.decode(data)
    receipt = evidence.receipt
    return (
        evidence.parameters,
        receipt.product,
        receipt.fee,
        receipt.nonce,
        evidence.satisfied,
    )


def split(data: bytes) -> Iterator[bytes]:
    """The pieces of evidence that stand one behind the other, undecoded.

    raises   Malformed if the last one is cut short
    """
    at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise Malformed("evidence is cut short")
        _, length = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + length
        if end > len(data):
            raise Malformed("evidence is cut short")
        yield data[at:end]
        at = end

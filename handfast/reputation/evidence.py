"""What proves that an opinion may be included, from client to coordinator to archive. (RP-4, RP-39)

A piece of evidence is one run of bytes that is sent, stored and archived alike, so that what a
coordinator shows on demand is what the client gave it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from handfast.channels.rules import id_of
from handfast.channels.state import ChannelId, Parameters
from handfast.crypto.ecdsa import SIGNATURE_BYTES, is_signed_by
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import FEE_UNIT, MAX_FEE_UNITS
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.reputation.encoding import Malformed

RECEIPTED = 1
"""Kind of the evidence that holds the provider's receipt."""

_HEAD = struct.Struct(">BH")
_PARAMETERS = struct.Struct(">20s20s20sQ32s")
_BODY = struct.Struct(f">{_PARAMETERS.size}sQ32s16sQB{SIGNATURE_BYTES}s{SIGNATURE_BYTES}s")
EVIDENCE_BYTES = _HEAD.size + _BODY.size
_CONTENT_BYTES = EVIDENCE_BYTES - 2 * SIGNATURE_BYTES
_KNOWN_CHANNELS = 1 << 16


@dataclass(frozen=True, slots=True)
class Evidence:
    """A receipt, an opinion on it, and who signed them.

    provider_signature   of the receipt, 65 bytes
    client_signature     of the opinion, 65 bytes
    """

    parameters: Parameters
    receipt: Receipt
    satisfied: bool
    provider_signature: bytes
    client_signature: bytes

    @property
    def fee_units(self) -> int:
        """The fee in FEE_UNIT, for evidence whose `check` passed."""
        return self.receipt.fee // FEE_UNIT

    def encode(self) -> bytes:
        """`kind 1 ‖ length 2 ‖ client 20 ‖ provider 20 ‖ token 20 ‖ challenge period 8 ‖ salt 32 ‖
        round 8 ‖ product 32 ‖ fee 16 ‖ nonce 8 ‖ satisfied 1 ‖ signatures 65, 65`."""
        parameters, receipt = self.parameters, self.receipt
        channel = _PARAMETERS.pack(
            bytes.fromhex(parameters.client[2:]),
            bytes.fromhex(parameters.provider[2:]),
            bytes.fromhex(parameters.token[2:]),
            parameters.challenge_period,
            parameters.salt,
        )
        return _HEAD.pack(RECEIPTED, _BODY.size) + _BODY.pack(
            channel,
            receipt.round,
            receipt.product,
            receipt.fee.to_bytes(16, "big"),
            receipt.nonce,
            self.satisfied,
            self.provider_signature,
            self.client_signature,
        )

    @classmethod
    def decode(cls, data: bytes) -> Evidence:
        """Read one piece of evidence, to the last byte.

        raises   Malformed if it is none
        """
        if len(data) != EVIDENCE_BYTES or data[: _HEAD.size] != _HEAD.pack(RECEIPTED, _BODY.size):
            raise Malformed(f"{len(data)} bytes are no evidence")
        channel, round_, product, fee, nonce, satisfied, by_provider, by_client = _BODY.unpack_from(
            data, _HEAD.size
        )
        if satisfied > 1:
            raise Malformed("a verdict is 0 or 1")
        try:
            parameters, id_ = _channel(channel)
        except InvalidInput as error:
            raise Malformed(str(error)) from error
        receipt = Receipt(id_, round_, product, int.from_bytes(fee, "big"), nonce)
        return cls(parameters, receipt, bool(satisfied), by_provider, by_client)

    def check(self, hub: Domain, token: str) -> None:
        """Check all that needs no registry and no history. (RP-6, RP-7)

        hub      domain of the ChannelHub
        token    address of MarketToken
        raises   Rejected with a code: token, fee, receipt_signature, opinion_signature
        """
        parameters, receipt = self.parameters, self.receipt
        if parameters.token.lower() != token.lower():
            raise Rejected("the channel's fees are not in MarketToken", "token")
        units, rest = divmod(receipt.fee, FEE_UNIT)
        if rest or not 0 < units <= MAX_FEE_UNITS:
            raise Rejected(f"fee {receipt.fee} is not 1 to {MAX_FEE_UNITS} of FEE_UNIT", "fee")
        digest = receipt.digest(hub)
        if not is_signed_by(parameters.provider, digest, self.provider_signature):
            raise Rejected("the provider did not sign this receipt", "receipt_signature")
        opinion = Opinion(digest, self.satisfied).digest(hub)
        if not is_signed_by(parameters.client, opinion, self.client_signature):
            raise Rejected("the client did not sign this opinion", "opinion_signature")


@lru_cache(maxsize=_KNOWN_CHANNELS)
def _channel(packed: bytes) -> tuple[Parameters, ChannelId]:
    client, provider, token, challenge_period, salt = _PARAMETERS.unpack(packed)
    parameters = Parameters(
        "0x" + client.hex(), "0x" + provider.hex(), "0x" + token.hex(), challenge_period, salt
    )
    return parameters, id_of(parameters)


def same_content(left: bytes, right: bytes) -> bool:
    """Whether two pieces of evidence say the same, whatever signatures prove it."""
    return left[:_CONTENT_BYTES] == right[:_CONTENT_BYTES]


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

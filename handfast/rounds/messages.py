"""What a client and a provider tell each other around a lock, and when it is valid.
(SPEC PR-4 to PR-7)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, NewType

from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.codec import Bytes32, Codec, Size, Uint8, Uint64, Uint128
from handfast.crypto.ecdsa import SIGNATURE_BYTES, Signer, is_signed_by
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import LockMode
from handfast.protocol.messages import Acknowledgement, Announcement, Domain, Request

RequestId = NewType("RequestId", bytes)
"""Digest of a Request: names its round."""

Signature = Annotated[bytes, Size(SIGNATURE_BYTES, SIGNATURE_BYTES)]

MAX_PROMPT: Final = 16 * 1024
"""Longest prompt, in bytes of UTF-8."""

NO_HASH: Final = bytes(32)

PROMPT_CONTEXT: Final = b"handfast/v1/prompt"
"""What a sealed prompt is for (see `handfast.crypto.encryption`)."""

STEP_DETAILS: Final = 1
STEP_PROMPT: Final = 2

_SEALED_OVERHEAD = 256


@dataclass(frozen=True, slots=True)
class Details:
    """What is asked for, without the prompt itself.

    modality   "image", "text", …
    prompt     hash of the salted prompt: the provider can check it, nobody can guess it
    """

    modality: Annotated[str, Size(1, 32)]
    mode: LockMode
    prompt: Bytes32


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The first message of the handshake.  [prosecutor Algorithm 2, line 20]

    channel    parameters of the channel to pay over; it may not be open yet
    max_fee    smallest units
    deadline   second until which the client waits for the product
    """

    channel: Parameters
    details: Details
    max_fee: Uint128
    deadline: Uint64
    signature: Signature

    @property
    def message(self) -> Request:
        """What the client signed."""
        return _request(self.channel, self.details, self.max_fee, self.deadline)

    def id(self, domain: Domain) -> RequestId:
        """The name of this round."""
        return RequestId(self.message.digest(domain))


@dataclass(frozen=True, slots=True)
class SignedAcknowledgement:
    """The provider's answer to the details (step 1) and to the prompt (step 2)."""

    step: Uint8
    fee: Uint128
    deadline: Uint64
    signature: Signature


@dataclass(frozen=True, slots=True)
class SealedPrompt:
    """The prompt and its salt, encrypted to the provider's decryption key."""

    ciphertext: Annotated[bytes, Size(1, MAX_PROMPT + _SEALED_OVERHEAD)]


@dataclass(frozen=True, slots=True)
class OpenPrompt:
    """What is inside a SealedPrompt."""

    text: Annotated[str, Size(1, MAX_PROMPT)]
    salt: Bytes32


@dataclass(frozen=True, slots=True)
class Product:
    """What was made.

    digest       of the content's root block: what ownership means
    codec        of the content's CID
    size         bytes
    ciphertext   digest and codec of the encrypted content, key_hash: hash of the key that opens it;
                 all zero unless the provider chose the preimage
    """

    digest: Bytes32
    codec: Uint8
    size: Uint64
    media_type: Annotated[str, Size(1, 100)]
    ciphertext: Bytes32 = NO_HASH
    ciphertext_codec: Uint8 = 0
    key_hash: Bytes32 = NO_HASH


@dataclass(frozen=True, slots=True)
class SignedAnnouncement:
    """The provider says what it made."""

    product: Product
    signature: Signature


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `code` is one word that programs read, `text` a line for people."""

    code: str
    text: str


REQUEST: Final = Codec[SignedRequest](SignedRequest)
ACKNOWLEDGEMENT: Final = Codec[SignedAcknowledgement](SignedAcknowledgement)
SEALED: Final = Codec[SealedPrompt](SealedPrompt)
PROMPT: Final = Codec[OpenPrompt](OpenPrompt)
ANNOUNCEMENT: Final = Codec[SignedAnnouncement](SignedAnnouncement)
_DETAILS: Final = Codec[Details](Details)


def prompt_hash(prompt: OpenPrompt) -> bytes:
    """The hash that stands for a prompt in the details of a request."""
    return keccak(prompt.salt + prompt.text.encode())


def sign_request(
    channel: Parameters,
    details: Details,
    max_fee: int,
    deadline: int,
    *,
    signer: Signer,
    domain: Domain,
) -> SignedRequest:
    """The client asks.

    raises   InvalidInput if the signer is not the channel's client
    """
    if signer.address != channel.client.lower():
        raise InvalidInput(f"{signer.address} is not the client of the channel")
    digest = _request(channel, details, max_fee, deadline).digest(domain)
    return SignedRequest(channel, details, max_fee, deadline, signer.sign(digest))


def check_request(request: SignedRequest, domain: Domain) -> RequestId:
    """The id of a request that the channel's client has signed.

    raises   InvalidInput if it has not
    """
    request_id = request.id(domain)
    if request.details.mode is LockMode.ABSENT:
        raise InvalidInput("the request names no mode of lock")
    if not is_signed_by(request.channel.client, request_id, request.signature):
        raise InvalidInput("the request is not signed by the client of its channel")
    return request_id


def sign_acknowledgement(
    request: SignedRequest, step: int, fee: int, deadline: int, *, signer: Signer, domain: Domain
) -> SignedAcknowledgement:
    """The provider agrees to a step of the handshake."""
    digest = _acknowledgement(request, step, fee, deadline, domain).digest(domain)
    return SignedAcknowledgement(step, fee, deadline, signer.sign(digest))


def check_acknowledgement(
    request: SignedRequest, answer: SignedAcknowledgement, step: int, fee: int, domain: Domain
) -> None:
    """Check an answer to a request.

    fee      the largest acceptable: of the request in step 1, of step 1 in step 2
    raises   InvalidInput if it is for another step, asks for more, or is not the provider's
    """
    if answer.step != step:
        raise InvalidInput(f"the provider answered step {answer.step}, not {step}")
    if answer.fee > fee:
        raise InvalidInput(f"the provider asks for {answer.fee}, more than {fee}")
    digest = _acknowledgement(request, step, answer.fee, answer.deadline, domain).digest(domain)
    if not is_signed_by(request.channel.provider, digest, answer.signature):
        raise InvalidInput("the acknowledgement is not signed by the provider")


def sign_announcement(
    request: RequestId, product: Product, signer: Signer, domain: Domain
) -> SignedAnnouncement:
    """The provider says what it made, and stands for it."""
    return SignedAnnouncement(product, signer.sign(_announcement(request, product).digest(domain)))


def check_announcement(
    request: SignedRequest, announcement: SignedAnnouncement, domain: Domain
) -> None:
    """Check an announcement against the request it answers.

    raises   InvalidInput if it is not the provider's, or does not fit the mode of lock
    """
    product = announcement.product
    digest = _announcement(request.id(domain), product).digest(domain)
    if not is_signed_by(request.channel.provider, digest, announcement.signature):
        raise InvalidInput("the announcement is not signed by the provider")
    if product.digest == NO_HASH:
        raise InvalidInput("the announcement names no product")
    released = request.details.mode is LockMode.KEY_RELEASE
    if released != (product.key_hash != NO_HASH) or released != (product.ciphertext != NO_HASH):
        raise InvalidInput("the announcement does not fit the request's mode of lock")


def _request(channel: Parameters, details: Details, max_fee: int, deadline: int) -> Request:
    return Request(id_of(channel), keccak(_DETAILS.encode(details)), max_fee, deadline)


def _acknowledgement(
    request: SignedRequest, step: int, fee: int, deadline: int, domain: Domain
) -> Acknowledgement:
    return Acknowledgement(id_of(request.channel), request.id(domain), step, fee, deadline)


def _announcement(request: RequestId, product: Product) -> Announcement:
    return Announcement(request, product.digest, product.ciphertext, product.key_hash)

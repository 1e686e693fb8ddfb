"""A client, a provider and a request between them."""

from __future__ import annotations

from dataclasses import replace

from handfast.channels.state import Parameters
from handfast.crypto.ecdsa import Signer
from handfast.protocol.constants import LockMode
from handfast.protocol.messages import Domain
from handfast.rounds.messages import (
    Details,
    OpenPrompt,
    Product,
    SignedRequest,
    prompt_hash,
    sign_request,
)

NOW = 1_800_000_000
FEE = 5 * 10**12
TOKEN = "0x" + "77" * 20
DOMAIN = Domain(31_337, "0x" + "ab" * 20)
CLIENT = Signer(b"\1" * 32)
PROVIDER = Signer(b"\2" * 32)
PROMPT = OpenPrompt("a handwritten seven", b"\5" * 32)
PLAIN = Product(b"\7" * 32, 0x55, 300, "image/png")
SEALED = replace(PLAIN, ciphertext=b"\x08" * 32, ciphertext_codec=0x55, key_hash=b"\x09" * 32)


def ask(mode: LockMode = LockMode.CLIENT_NUMBER, **changes: object) -> SignedRequest:
    """A request of CLIENT to PROVIDER, with fields of the channel or the request changed."""
    fields = {
        "client": CLIENT.address,
        "provider": PROVIDER.address,
        "token": TOKEN,
        "challenge_period": 3_600,
        "salt": b"\3" * 32,
        "modality": "image",
        "max_fee": FEE,
        "deadline": NOW + 300,
        **changes,
    }
    names = ("client", "provider", "token", "challenge_period", "salt")
    channel = Parameters(**{name: fields[name] for name in names})  # type: ignore[arg-type]
    details = Details(str(fields["modality"]), mode, prompt_hash(PROMPT))
    return sign_request(
        channel,
        details,
        int(fields["max_fee"]),  # type: ignore[call-overload]
        int(fields["deadline"]),  # type: ignore[call-overload]
        signer=CLIENT,
        domain=DOMAIN,
    )

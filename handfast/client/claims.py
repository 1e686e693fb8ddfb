"""What a client can register as its own once a channel has ended. (SPEC CH-17, PV-4)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handfast.chain.client import Call
from handfast.chain.products import Product, ProductRegistry
from handfast.channels.effects import Result
from handfast.channels.live import Live
from handfast.channels.state import same_account
from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.protocol.constants import ProductOrigin


def claims_of(
    registry: ProductRegistry, live: Live, sold: Sequence[bytes], codecs: Mapping[bytes, int]
) -> Iterator[tuple[bytes, Call]]:
    """Every product that moved in a channel which is over, with the call that claims it: by the
    products tree, or by the lock that paid on chain.

    sold     products of the channel's tree, in its order
    codecs   by product; what has none here was not bought by this client
    """
    parameters = live.terms.parameters
    tree = MerkleTree(map(leaf_hash, sold))
    for position, product in enumerate(sold):
        if product in codecs:
            path = tree.path(position)
            call = registry.claim(parameters, product, codecs[product], position, path)
            yield product, call
    ending = live.end.channel.exit
    if ending.standing is None:
        return
    for position, lock in enumerate(ending.standing.locks):
        if lock.product in codecs and ending.concluded.get(lock.nonce) is Result.SETTLED:
            codec = codecs[lock.product]
            yield lock.product, registry.claim_paid(parameters, ending.standing, position, codec)


def is_free(product: Product, provider: str) -> bool:
    """Whether a product can still be claimed from this provider. One that registered it before it
    sold it cannot keep it. (SPEC PV-6)
    """
    if product.origin is ProductOrigin.REGISTERED:
        return same_account(product.holder, provider)
    return product.origin is ProductOrigin.ABSENT

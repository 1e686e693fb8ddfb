"""Whether a score, or the lack of one, stands under a final root, and what follows from it. (RP-31)

Whoever reads scores takes the root from the chain itself, and everything else from anybody.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.crypto.merkle import ZEROS, leaf_hash, root_of, verify
from handfast.errors import Rejected
from handfast.reputation.encoding import ClientLeaf, ProviderLeaf, ShardState
from handfast.reputation.rules import UNKNOWN, Scene, Score, personal_score

NO_ROOT = bytes(32)
"""What the chain answers before a shard's first batch is final."""


def check_words(words: ShardState, shard: int, root: bytes) -> None:
    """Check that these are the words of a shard's final root.

    raises   Rejected("root") if they are not
    """
    if words.shard != shard or words.hash() != root:
        raise Rejected(f"these are not the words of the final root of shard {shard}", "root")


def check_leaf(
    words: ShardState, position: int, leaf: ProviderLeaf | None, path: Sequence[bytes]
) -> None:
    """Check that a provider has this leaf, or none.

    position   of the provider in its shard
    path       of its place; without meaning for a place beyond the tree
    raises     Rejected("path") if it does not
    """
    if leaf is None and position >= words.providers:
        return
    node = leaf_hash(leaf.encode()) if leaf is not None else ZEROS[0]
    if not verify(words.root, node, position, words.providers, path):
        raise Rejected(f"the leaf at position {position} does not stand under the root", "path")


def score_of(leaf: ProviderLeaf | None) -> Score:
    """The neutral score that a checked leaf stands for."""
    return leaf.score if leaf is not None and leaf.score_epoch else UNKNOWN


def check_clients(leaf: ProviderLeaf, clients: Sequence[ClientLeaf]) -> None:
    """Check that these are all the clients of a checked leaf, in order.

    raises   Rejected("clients") if they are not
    """
    root = root_of(leaf_hash(client.encode()) for client in clients)
    if len(clients) != leaf.clients or root != leaf.root:
        raise Rejected("these are not the clients of the provider's leaf", "clients")


def personal_score_of(
    leaf: ProviderLeaf, clients: Sequence[ClientLeaf], client: int, sensitivity: int, epoch: int
) -> Score:
    """A provider's score in the eyes of one client, from checked leaves. (RP-29)

    epoch    the present, not before the newest opinion's
    raises   InvalidInput if the sensitivity is out of range
    """
    own = next((each.pair for each in clients if each.client == client), None)
    others = [each.pair for each in clients if each.client != client]
    scene = Scene(leaf.exponent, leaf.interactions, max(epoch, leaf.opinion_epoch))
    return personal_score(others, own, scene, sensitivity)

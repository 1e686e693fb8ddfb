"""What a batch's archive holds: all that its proposer may be asked to show. (RP-21, CO-6)"""

from __future__ import annotations

from collections.abc import Iterable

from handfast.reputation.batches import Batch
from handfast.reputation.encoding import encode_sums


def archive_of_opinions(evidence: Iterable[bytes]) -> bytes:
    """Every opinion's evidence, one piece behind the other, in the order of the data."""
    return b"".join(evidence)


def archive_of_scores(batch: Batch) -> bytes:
    """Every row's partial sums, in the order of the data; a row has two for each chunk of its
    provider's clients. (RP-30)"""
    return b"".join(encode_sums(partial) for sums in batch.sums for partial in sums)

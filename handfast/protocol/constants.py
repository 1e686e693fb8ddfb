"""Constants and enums of the protocol.

Generated from protocol.toml by `make generate`; do not edit.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

SCALE: Final = 1_000_000_000
"""Fixed-point one: scores, shares and weights are integers out of SCALE."""
FEE_UNIT: Final = 1_000_000_000_000
"""Fees that give receipts are multiples of this many smallest units of MarketToken."""
MAX_FEE_UNITS: Final = 2_147_483_647
"""Largest fee of one opinion in FEE_UNIT: it shares 32 bits with the verdict."""
MAX_LOCKS_PER_DIRECTION: Final = 64
"""Pending locks a state may hold in each direction."""
MAX_LOCKS: Final = 128
"""Leaves of a state's lock tree: both directions together."""
MAX_FUNDS: Final = 77_371_252_455_336_267_181_195_263
"""Most that one side's deposits less withdrawals can be in a channel, in smallest units: 2^86 - 1.
"""
MAX_VERSION: Final = 1_099_511_627_775
"""Newest version of a state that can be registered: 2^40 - 1, or 34 years of 1,000 a second."""
ROLE_PROVIDER: Final = 1
"""Role flag: serves generations for a fee."""
ROLE_CLIENT: Final = 2
"""Role flag: buys generations and rates them."""
ROLE_COORDINATOR: Final = 4
"""Role flag: collects opinions and proposes roll-up batches."""
ROLE_WATCHER: Final = 8
"""Role flag: checks batches and answers stale closes."""
ROLE_VOTER: Final = 16
"""Role flag: judges disputes."""
ROLE_COMPUTE: Final = 32
"""Role flag: executes outsourced computations."""
ROLE_MASK: Final = 63
"""All role flags together."""
MAX_ENDPOINT_BYTES: Final = 256
"""Longest endpoint of a participant."""
BLS_SIGNATURE_TAG: Final = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Domain tag of what a signing key signs: the proof-of-possession scheme, public keys in G1,
signatures in G2.
"""
BLS_POSSESSION_TAG: Final = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Domain tag of proofs of possession, and of nothing else."""
TOKEN_SUPPLY: Final = 1_000_000_000_000_000_000_000_000_000
"""Initial supply of MarketToken in smallest units: 1,000,000,000 tokens of 18 decimals. [meta-bmeoc
eq. 15]
"""
EMISSION_CAP: Final = 100_000_000
"""Largest emission a year as a share (out of SCALE) of the supply at the year's start. [mintai eq.
3]
"""
EMISSION_YEAR: Final = 31_536_000
"""Seconds of an emission year."""
DECAY: Final = 990_000_000
"""Freshness kept per epoch of age, out of SCALE: theta of [prosecutor eq. 9]."""
MU_FAMILIARITY: Final = 400_000_000
"""Weight of familiarity, mu_1 of [prosecutor eq. 10], out of SCALE."""
MU_FRESHNESS: Final = 300_000_000
"""Weight of freshness, mu_2 of [prosecutor eq. 10], out of SCALE."""
MU_WORTH: Final = 300_000_000
"""Weight of market worth, mu_3 of [prosecutor eq. 10], out of SCALE."""
GAMMA: Final = 500_000_000
"""Credit given to uncertainty, gamma of [prosecutor eq. 12], out of SCALE."""
SENSITIVITY: Final = 500_000_000
"""Default sensitivity theta_i of [prosecutor eq. 10], out of SCALE."""
FINE: Final = 1_000_000_000_000_000
"""Fixed-point one of weights and opinions while a score is being folded."""
WORTH_ONE: Final = 1_000_000_000_000
"""Fixed-point one of a client's share in the worth of a provider's clients."""
MAX_NONCE_STEP: Final = 255
"""Most by which an opinion's nonce may be above its pair's last: it takes one byte."""
SEGMENT_OPINIONS: Final = 32
"""Largest weight of one segment of a batch: its opinions, plus SEGMENT_PROVIDER for each group or
score row.
"""
SEGMENT_PROVIDER: Final = 2
"""What the path of a provider weighs in a segment, in opinions."""
FOLD_CHUNK: Final = 16
"""Clients folded by one chunk of a score."""
LEVY_SHARE: Final = 10_000_000
"""Share of an opinion's fee, out of SCALE, that its batch burns."""
LEVY_FLAT: Final = 100
"""Flat part of the levy of one opinion, in FEE_UNIT."""
STAKE_UNIT: Final = 1_000_000_000_000_000_000
"""Voters stake whole multiples of this many smallest units of MarketToken: a token, so that weights
take 32 bits.
"""
SEAT_FEE: Final = 1_000_000_000_000_000_000
"""What one seat of a panel costs who asks for it, in MarketToken."""
SEAT_STAKE: Final = 20_000_000_000_000_000_000
"""Stake that is locked for each seat of an open case, in MarketToken."""
SEAT_LOSS: Final = 250_000_000
"""Share of SEAT_STAKE that an incoherent or silent seat loses, out of SCALE."""
MAX_FIRST_PANEL: Final = 15
"""Most seats of a case's first panel."""
MAX_APPEALS: Final = 3
"""How often a case can be appealed; each panel has 2n + 1 seats of the one before."""
MAX_OPTIONS: Final = 255
"""Most options of a choice."""
MAX_SCORES: Final = 64
"""Most entries of a score vector: eight words of eight."""
MAX_TRIES: Final = 8
"""Voters that are drawn for one seat, while those drawn have too little stake free, before it stays
empty.
"""
MAX_NOTE_BYTES: Final = 512
"""Longest note that a voter leaves with its commitment."""
CALLBACK_GAS: Final = 500_000
"""Gas with which a case's client is told of the ruling."""
REPUTATION_FLOOR: Final = -10_000_000_000
"""Lowest participation reputation, out of SCALE."""
CHUNK_BYTES: Final = 4_096
"""Bytes of a chunk of sealed content."""
MAX_SEALED_BYTES: Final = 274_877_906_944
"""Most bytes of sealed content: 2^32 blocks of 64, as many as ChaCha20 counts."""
SEAL_MASK_TAG: Final = "handfast/v1/mask"
"""Domain tag of the hash that masks a key for one receiver."""
SEAL_PROOF_TAG: Final = "handfast/v1/shared-point"
"""Domain tag of the challenge of the proof that a shared point is right."""
SELLER_PENALTY: Final = 50_000_000_000_000_000_000
"""What a seller proven to have cheated loses of its bond, in MarketToken."""
SUBMISSION_DEPOSIT: Final = 5_000_000_000_000_000_000
"""Deposit of a worker that commits a model or delivers data, in MarketToken."""
MAX_SUBMISSIONS: Final = 64
"""Most models or data sets that a task takes."""
NO_VALIDATION: Final = 4_294_967_295
"""What a voter puts in every entry of its scores if the published validation data cannot be had.
(SPEC MT-4)
"""
MAX_RATING: Final = 10
"""Best rating of a purchase."""
GOOD_RATING: Final = 8
"""Lowest rating that raises a seller's reputation. [metaaicm 4.5.3]"""
BAD_RATING: Final = 3
"""Highest rating that lowers a seller's reputation. [metaaicm 4.5.3]"""


class ProductOrigin(IntEnum):
    """How a product came into the registry: by its creator, or by the client of the channel in
    which it was bought.
    """

    ABSENT = 0
    REGISTERED = 1
    CLAIMED = 2


class ChannelPhase(IntEnum):
    """Life of a channel: Open from the opening, Closing while a registered state may be replaced,
    Closed for ever.
    """

    ABSENT = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Direction(IntEnum):
    """Whom a lock pays."""

    ABSENT = 0
    TO_PROVIDER = 1
    TO_CLIENT = 2


class LockOutcome(IntEnum):
    """What became of a lock that was pending when its channel closed."""

    ABSENT = 0
    PAID = 1
    REFUNDED = 2


class LockMode(IntEnum):
    """Who chose the preimage of a round's lock: the client, by its random number, or the provider,
    as the content's key.
    """

    ABSENT = 0
    CLIENT_NUMBER = 1
    KEY_RELEASE = 2


class BatchKind(IntEnum):
    """What a roll-up batch carries: opinions of one epoch, or the scores at its end."""

    ABSENT = 0
    OPINIONS = 1
    SCORES = 2


class BatchSource(IntEnum):
    """Where the data of a roll-up batch is."""

    ABSENT = 0
    CALLDATA = 1
    BLOB = 2


class BatchPhase(IntEnum):
    """Life of a roll-up batch."""

    ABSENT = 0
    POSTED = 1
    FINAL = 2
    FALLEN = 3


class CaseKind(IntEnum):
    """What a panel votes on: one of several options, or a vector of scores."""

    ABSENT = 0
    CHOICE = 1
    SCORES = 2


class CasePeriod(IntEnum):
    """Life of a case; Draw to Appeal once for each round."""

    ABSENT = 0
    EVIDENCE = 1
    DRAW = 2
    COMMIT = 3
    REVEAL = 4
    APPEAL = 5
    RULED = 6


class Metric(IntEnum):
    """How well a model does on validation data, out of SCALE: share of rows it labels right; mean
    over the labels of F1; R squared, or zero where that is negative.
    """

    ABSENT = 0
    ACCURACY = 1
    MACRO_F1 = 2
    DETERMINATION = 3


class ModelOutcome(IntEnum):
    """How a model task ended: nothing revealed; no validation data; no scores; by the scores."""

    ABSENT = 0
    EMPTY = 1
    UNPUBLISHED = 2
    UNJUDGED = 3
    RANKED = 4


class DeliveryState(IntEnum):
    """What stands of a delivery: nobody spoke; proven honest by a false claim; marked dishonest;
    before the court; won there; lost there; proven to have a wrong key or chunk.
    """

    ABSENT = 0
    DELIVERED = 1
    HONEST = 2
    DISHONEST = 3
    DISPUTED = 4
    VINDICATED = 5
    CONDEMNED = 6
    VOID = 7


class ListingPhase(IntEnum):
    """Life of a listing of the market."""

    ABSENT = 0
    LISTED = 1
    WITHDRAWN = 2


class PurchasePhase(IntEnum):
    """Life of a purchase: Paid to the seller or Refunded to the buyer, once; Rated is Paid and
    rated.
    """

    ABSENT = 0
    BOUGHT = 1
    DELIVERED = 2
    DISPUTED = 3
    PAID = 4
    REFUNDED = 5
    RATED = 6


class SalePhase(IntEnum):
    """Life of a hash-locked sale of a product."""

    ABSENT = 0
    LOCKED = 1
    SOLD = 2
    RETURNED = 3

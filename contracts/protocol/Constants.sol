// SPDX-License-Identifier: MIT
// Generated from protocol.toml by `make generate`; do not edit.
pragma solidity 0.8.30;

/// @dev Fixed-point one: scores, shares and weights are integers out of SCALE.
uint256 constant SCALE = 1_000_000_000;

/// @dev Fees that give receipts are multiples of this many smallest units of MarketToken.
uint256 constant FEE_UNIT = 1_000_000_000_000;

/// @dev Largest fee of one opinion in FEE_UNIT: it shares 32 bits with the verdict.
uint256 constant MAX_FEE_UNITS = 2_147_483_647;

/// @dev Pending locks a state may hold in each direction.
uint256 constant MAX_LOCKS_PER_DIRECTION = 64;

/// @dev Leaves of a state's lock tree: both directions together.
uint256 constant MAX_LOCKS = 128;

/// @dev Most that one side's deposits less withdrawals can be in a channel, in smallest units: 2^86 - 1.
uint256 constant MAX_FUNDS = 77_371_252_455_336_267_181_195_263;

/// @dev Newest version of a state that can be registered: 2^40 - 1, or 34 years of 1,000 a second.
uint256 constant MAX_VERSION = 1_099_511_627_775;

/// @dev Role flag: serves generations for a fee.
uint256 constant ROLE_PROVIDER = 1;

/// @dev Role flag: buys generations and rates them.
uint256 constant ROLE_CLIENT = 2;

/// @dev Role flag: collects opinions and proposes roll-up batches.
uint256 constant ROLE_COORDINATOR = 4;

/// @dev Role flag: checks batches and answers stale closes.
uint256 constant ROLE_WATCHER = 8;

/// @dev Role flag: judges disputes.
uint256 constant ROLE_VOTER = 16;

/// @dev Role flag: executes outsourced computations.
uint256 constant ROLE_COMPUTE = 32;

/// @dev All role flags together.
uint256 constant ROLE_MASK = 63;

/// @dev Longest endpoint of a participant.
uint256 constant MAX_ENDPOINT_BYTES = 256;

/// @dev Domain tag of what a signing key signs: the proof-of-possession scheme, public keys in G1,
/// signatures in G2.
string constant BLS_SIGNATURE_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// @dev Domain tag of proofs of possession, and of nothing else.
string constant BLS_POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// @dev Initial supply of MarketToken in smallest units: 1,000,000,000 tokens of 18 decimals. [meta-bmeoc
/// eq. 15]
uint256 constant TOKEN_SUPPLY = 1_000_000_000_000_000_000_000_000_000;

/// @dev Largest emission a year as a share (out of SCALE) of the supply at the year's start. [mintai eq. 3]
uint256 constant EMISSION_CAP = 100_000_000;

/// @dev Seconds of an emission year.
uint256 constant EMISSION_YEAR = 31_536_000;

/// @dev Freshness kept per epoch of age, out of SCALE: theta of [prosecutor eq. 9].
uint256 constant DECAY = 990_000_000;

/// @dev Weight of familiarity, mu_1 of [prosecutor eq. 10], out of SCALE.
uint256 constant MU_FAMILIARITY = 400_000_000;

/// @dev Weight of freshness, mu_2 of [prosecutor eq. 10], out of SCALE.
uint256 constant MU_FRESHNESS = 300_000_000;

/// @dev Weight of market worth, mu_3 of [prosecutor eq. 10], out of SCALE.
uint256 constant MU_WORTH = 300_000_000;

/// @dev Credit given to uncertainty, gamma of [prosecutor eq. 12], out of SCALE.
uint256 constant GAMMA = 500_000_000;

/// @dev Default sensitivity theta_i of [prosecutor eq. 10], out of SCALE.
uint256 constant SENSITIVITY = 500_000_000;

/// @dev Fixed-point one of weights and opinions while a score is being folded.
uint256 constant FINE = 1_000_000_000_000_000;

/// @dev Fixed-point one of a client's share in the worth of a provider's clients.
uint256 constant WORTH_ONE = 1_000_000_000_000;

/// @dev Most by which an opinion's nonce may be above its pair's last: it takes one byte.
uint256 constant MAX_NONCE_STEP = 255;

/// @dev Largest weight of one segment of a batch: its opinions, plus SEGMENT_PROVIDER for each group or
/// score row.
uint256 constant SEGMENT_OPINIONS = 32;

/// @dev What the path of a provider weighs in a segment, in opinions.
uint256 constant SEGMENT_PROVIDER = 2;

/// @dev Clients folded by one chunk of a score.
uint256 constant FOLD_CHUNK = 16;

/// @dev Share of an opinion's fee, out of SCALE, that its batch burns.
uint256 constant LEVY_SHARE = 10_000_000;

/// @dev Flat part of the levy of one opinion, in FEE_UNIT.
uint256 constant LEVY_FLAT = 100;

/// @dev Voters stake whole multiples of this many smallest units of MarketToken: a token, so that weights
/// take 32 bits.
uint256 constant STAKE_UNIT = 1_000_000_000_000_000_000;

/// @dev What one seat of a panel costs who asks for it, in MarketToken.
uint256 constant SEAT_FEE = 1_000_000_000_000_000_000;

/// @dev Stake that is locked for each seat of an open case, in MarketToken.
uint256 constant SEAT_STAKE = 20_000_000_000_000_000_000;

/// @dev Share of SEAT_STAKE that an incoherent or silent seat loses, out of SCALE.
uint256 constant SEAT_LOSS = 250_000_000;

/// @dev Most seats of a case's first panel.
uint256 constant MAX_FIRST_PANEL = 15;

/// @dev How often a case can be appealed; each panel has 2n + 1 seats of the one before.
uint256 constant MAX_APPEALS = 3;

/// @dev Most options of a choice.
uint256 constant MAX_OPTIONS = 255;

/// @dev Most entries of a score vector: eight words of eight.
uint256 constant MAX_SCORES = 64;

/// @dev Voters that are drawn for one seat, while those drawn have too little stake free, before it stays
/// empty.
uint256 constant MAX_TRIES = 8;

/// @dev Longest note that a voter leaves with its commitment.
uint256 constant MAX_NOTE_BYTES = 512;

/// @dev Gas with which a case's client is told of the ruling.
uint256 constant CALLBACK_GAS = 500_000;

/// @dev Lowest participation reputation, out of SCALE.
int256 constant REPUTATION_FLOOR = -10_000_000_000;

/// @dev Bytes of a chunk of sealed content.
uint256 constant CHUNK_BYTES = 4_096;

/// @dev Most bytes of sealed content: 2^32 blocks of 64, as many as ChaCha20 counts.
uint256 constant MAX_SEALED_BYTES = 274_877_906_944;

/// @dev Domain tag of the hash that masks a key for one receiver.
string constant SEAL_MASK_TAG = "handfast/v1/mask";

/// @dev Domain tag of the challenge of the proof that a shared point is right.
string constant SEAL_PROOF_TAG = "handfast/v1/shared-point";

/// @dev What a seller proven to have cheated loses of its bond, in MarketToken.
uint256 constant SELLER_PENALTY = 50_000_000_000_000_000_000;

/// @dev Deposit of a worker that commits a model or delivers data, in MarketToken.
uint256 constant SUBMISSION_DEPOSIT = 5_000_000_000_000_000_000;

/// @dev Most models or data sets that a task takes.
uint256 constant MAX_SUBMISSIONS = 64;

/// @dev What a voter puts in every entry of its scores if the published validation data cannot be had. (SPEC
/// MT-4)
uint256 constant NO_VALIDATION = 4_294_967_295;

/// @dev Best rating of a purchase.
uint256 constant MAX_RATING = 10;

/// @dev Lowest rating that raises a seller's reputation. [metaaicm 4.5.3]
uint256 constant GOOD_RATING = 8;

/// @dev Highest rating that lowers a seller's reputation. [metaaicm 4.5.3]
uint256 constant BAD_RATING = 3;


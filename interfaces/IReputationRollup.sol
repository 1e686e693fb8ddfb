// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BatchKind, BatchPhase, BatchSource} from "../contracts/protocol/Enums.sol";
import {IMarketToken} from "./IMarketToken.sol";
import {ParticipantId} from "./IParticipantRegistry.sol";

/// @notice What is kept of one client of one provider. (SPEC RP-11)
/// @param epoch Of the newest opinion; so are the fee, in FEE_UNIT, and the nonce.
/// @param worth Of all other opinions: times 2^exponent.
struct ClientLeaf {
    uint32 client;
    uint64 positives;
    uint64 negatives;
    uint32 epoch;
    uint32 fee;
    uint64 nonce;
    uint128 worth;
    uint32 exponent;
}

/// @notice What is kept of one provider. (SPEC RP-12)
/// @param root Of its clients' tree, of `clients` leaves.
/// @param interactions Opinions on it.
/// @param exponent Largest of its clients that have worth.
/// @param opinionEpoch Epoch of the newest opinion.
/// @param s Satisfying, `u` unsatisfying, `c` uncertainty level and the score, rolled up at the end of `scoreEpoch`;
/// all zero if none was.
struct ProviderLeaf {
    bytes32 root;
    uint32 clients;
    uint64 interactions;
    uint32 exponent;
    uint32 opinionEpoch;
    uint32 s;
    uint32 u;
    uint32 c;
    uint32 score;
    uint32 scoreEpoch;
}

/// @notice What a state root is the hash of. (SPEC RP-14)
/// @param root Of the providers' tree, of `providers` leaves.
/// @param levy Of all opinions, in FEE_UNIT.
/// @param opinions On all providers.
struct ShardState {
    uint256 shard;
    bytes32 root;
    uint256 providers;
    uint256 levy;
    uint256 opinions;
}

/// @notice A batch; its hash is all that is stored of it. (SPEC RP-21)
/// @param index Counts a shard's batches from 1.
/// @param closes Whether it is the last of its epoch.
/// @param postedAt Absolute seconds.
/// @param levy What it burnt, in FEE_UNIT.
/// @param previous Hash of the batch before it, zero for the first.
/// @param rootBefore State root that it starts from.
/// @param root State root that it ends in.
/// @param data Root over its segments and the roots before and after each.
/// @param folds Root over the folds of its scores, zero for opinions.
/// @param archive sha2-256 digest of the root block of its evidence.
struct BatchHeader {
    uint16 shard;
    uint64 index;
    BatchKind kind;
    BatchSource source;
    bool closes;
    uint32 epoch;
    uint64 postedAt;
    address proposer;
    uint64 levy;
    uint32 segments;
    bytes32 previous;
    bytes32 rootBefore;
    bytes32 root;
    bytes32 data;
    bytes32 folds;
    bytes32 archive;
}

/// @notice What a proposer says of its batch; all else the contract knows or computes.
/// @param previous Hash of the batch that it was built on, zero if there was none.
struct Posting {
    uint16 shard;
    BatchKind kind;
    bool closes;
    uint32 epoch;
    uint64 levy;
    bytes32 previous;
    bytes32 folds;
    bytes32 archive;
}

/// @notice Where a shard stands.
/// @param index Of its newest batch; so are kind, closes and epoch. Zero if there is none.
/// @param finalIndex Of its newest batch that is final, zero if none is.
/// @param root State root of the newest batch.
/// @param finalRoot State root of the newest final batch.
struct Shard {
    uint64 index;
    uint64 finalIndex;
    uint32 epoch;
    BatchKind kind;
    bool closes;
    bytes32 root;
    bytes32 finalRoot;
}

/// @notice What a proposer has in the contract.
/// @param amount All of it, `locked` the bonds of its open batches.
struct Deposit {
    uint128 amount;
    uint128 locked;
}

/// @notice A provider's leaf under the final root. (SPEC RP-31)
/// @param path Siblings of the leaf from the bottom up.
struct ScoreProof {
    ShardState state;
    ProviderLeaf leaf;
    bytes32[] path;
}

/// @notice A provider's neutral opinion and score, out of SCALE.
/// @param epoch At whose end it was computed; zero if it never was.
struct RolledUpScore {
    uint256 s;
    uint256 u;
    uint256 c;
    uint256 score;
    uint256 epoch;
}

/// @title IReputationRollup
/// @notice Takes batches of opinions and scores, lets them stand open to proofs for a while, and answers from those
/// that are final. (SPEC RP)
/// @dev Lifecycle of a batch: post, finalise. Of a proposer: deposit, withdraw. Nobody is asked who they are; a bond is
/// what a proposer has to lose.
///
/// Assumptions on the token (TK-1): a transfer moves exactly its amount or reverts, and calls nobody.
///
/// What a batch says is not read here: the contract derives the hashes of its calldata, and links it to the one before.
interface IReputationRollup {
    // ------------------------------------------------------------------ errors

    /// @notice There are shards 0 to `shards` - 1 only.
    error UnknownShard(uint256 shard, uint256 shards);
    /// @notice A length, window or bond of the deployment is out of range.
    error InvalidSettings();
    /// @notice A batch's data is its transaction's input: the sender has no code, and calls by no other contract.
    error HiddenData(address sender);
    /// @notice The batch was built on another one than the shard's newest.
    error StaleTip(uint256 shard, bytes32 named, bytes32 tip);
    /// @notice The posting says something that a batch of this kind does not.
    error NotForKind(BatchKind kind);
    /// @notice Opinions are of the present epoch or the one before.
    error EpochNotOpen(uint256 epoch, uint256 current);
    /// @notice An epoch is scored once it is over.
    error EpochNotOver(uint256 epoch, uint256 current);
    /// @notice Such a batch does not follow the shard's newest: opinions follow opinions of their epoch or scores that
    /// close an earlier one, scores follow opinions or open scores of their epoch. (SPEC RP-22)
    error OutOfOrder(BatchKind kind, uint256 epoch, BatchKind tipKind, uint256 tipEpoch, bool tipCloses);
    /// @notice A batch has at least one segment.
    error EmptyBatch();
    /// @notice The segment at this byte of the data is cut short.
    error TruncatedData(uint256 position);
    /// @notice The account has less that is not locked.
    error InsufficientDeposit(address account, uint256 free, uint256 needed);
    /// @notice Batches become final in the order of their index.
    error NotNextBatch(uint256 shard, uint256 index, uint256 next);
    /// @notice The header is not that of the batch with its index.
    error WrongHeader(uint256 shard, uint256 index, bytes32 actual, bytes32 stored);
    /// @notice The batch is open to proofs until `end`.
    error WindowOpen(uint256 shard, uint256 index, uint256 end, uint256 time);
    /// @notice The leaf does not stand under the shard's final root.
    error InvalidProof(ParticipantId provider);

    // ------------------------------------------------------------------ events

    event Deposited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, uint256 amount);
    /// @dev The data is in the transaction's input, which is the call of `post`.
    event BatchPosted(uint256 indexed shard, uint256 indexed index, bytes32 batch, BatchHeader header);
    event BatchFinalised(uint256 indexed shard, uint256 indexed index, bytes32 batch, bytes32 root);

    // ------------------------------------------------------------------ proposers

    /// @notice Pay in for bonds and levies.
    function deposit(uint256 amount) external;

    /// @notice Take out what is not locked.
    function withdraw(uint256 amount) external;

    // ------------------------------------------------------------------ batches

    /// @notice Post a batch: locks a bond of the sender's deposit and burns the levy out of it.
    /// @dev The sender is an account without code that calls this contract itself. That is not authorisation, anybody
    /// may have such an account, but availability: a call by a contract, or by an account that delegates to code
    /// (EIP-7702), would stand in a trace alone, and the batch with it. (SPEC RP-19)
    /// @param data For each segment its length in two bytes, its bytes, and the state root after it. (SPEC RP-19)
    /// @return batch The batch's hash.
    function post(Posting calldata posting, bytes calldata data) external returns (bytes32 batch);

    /// @notice Make batches final whose windows are over, in the order of their indices, and free their bonds.
    /// @dev Those that are final already are passed over, so that two who finalise at once do not fail each other.
    function finalise(BatchHeader[] calldata headers) external;

    // ------------------------------------------------------------------ reading

    /// @notice A provider's score from the final state. (SPEC RP-31)
    /// @return Total uncertainty if it was not scored yet.
    function scoreOf(ParticipantId provider, ScoreProof calldata proof) external view returns (RolledUpScore memory);

    /// @notice State root of the shard's newest final batch; zero if there is none.
    function finalisedRoot(uint256 shard) external view returns (bytes32);

    function shardOf(uint256 shard) external view returns (Shard memory);

    /// @notice Hash of a batch, zero if there is none.
    function batchOf(uint256 shard, uint256 index) external view returns (bytes32);

    /// @notice Where a batch stands; Absent if no batch of this shard and index has this header.
    function phaseOf(BatchHeader calldata header) external view returns (BatchPhase);

    function depositOf(address account) external view returns (Deposit memory);

    /// @notice The present epoch; the first is 1.
    function currentEpoch() external view returns (uint256);

    // ------------------------------------------------------------------ the deployment

    function MARKET_TOKEN() external view returns (IMarketToken);

    /// @notice How many shards there are. (SPEC RP-10)
    function SHARDS() external view returns (uint256);

    /// @notice Seconds of an epoch.
    function EPOCH_LENGTH() external view returns (uint256);

    /// @notice Second at which epoch 1 began.
    function GENESIS() external view returns (uint256);

    /// @notice Seconds for which a batch is open to proofs.
    function WINDOW() external view returns (uint256);

    /// @notice What one batch locks of its proposer's deposit.
    function BOND() external view returns (uint256);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {ParticipantId} from "../../interfaces/IParticipantRegistry.sol";
import {
    BatchHeader,
    Deposit,
    IReputationRollup,
    Posting,
    ProviderLeaf,
    RolledUpScore,
    ScoreProof,
    Shard,
    ShardState
} from "../../interfaces/IReputationRollup.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";
import {FEE_UNIT, GAMMA, SCALE} from "../protocol/Constants.sol";
import {BatchKind, BatchPhase, BatchSource} from "../protocol/Enums.sol";
import {ReputationLeaves} from "./ReputationLeaves.sol";

/// @title ReputationRollup
/// @notice Batches of opinions and scores, and the scores that are final.
/// @dev Lifecycle and assumptions stand in IReputationRollup. Invariants: RP-I1 to RP-I4.
contract ReputationRollup is IReputationRollup {
    using MerkleTree for MerkleTree.Frontier;
    using ReputationLeaves for BatchHeader;
    using ReputationLeaves for ProviderLeaf;
    using ReputationLeaves for ShardState;
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;

    /// @dev What of the data goes into the header.
    struct Walk {
        uint256 segments;
        bytes32 root;
        bytes32 data;
    }

    uint256 private constant _LENGTH_BYTES = 2;
    uint256 private constant _ROOT_BYTES = 32;

    /// @inheritdoc IReputationRollup
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IReputationRollup
    uint256 public immutable SHARDS;
    /// @inheritdoc IReputationRollup
    uint256 public immutable EPOCH_LENGTH;
    /// @inheritdoc IReputationRollup
    uint256 public immutable GENESIS;
    /// @inheritdoc IReputationRollup
    uint256 public immutable WINDOW;
    /// @inheritdoc IReputationRollup
    uint256 public immutable BOND;

    mapping(uint256 shard => Shard) private _shards;
    mapping(uint256 shard => mapping(uint256 index => bytes32 batch)) private _batches;
    mapping(address account => Deposit) private _deposits;

    constructor(IMarketToken token, uint256 shards, uint256 epochLength, uint256 window, uint256 bond) {
        bool valid = shards != 0 && shards <= type(uint16).max && epochLength != 0 && window != 0
            && window <= type(uint32).max && bond != 0 && bond <= type(uint96).max;
        require(valid, InvalidSettings());
        MARKET_TOKEN = token;
        SHARDS = shards;
        EPOCH_LENGTH = epochLength;
        GENESIS = block.timestamp;
        WINDOW = window;
        BOND = bond;
    }

    // ------------------------------------------------------------------ proposers

    /// @inheritdoc IReputationRollup
    function deposit(uint256 amount) external {
        _deposits[msg.sender].amount += amount.toUint128();
        emit Deposited(msg.sender, amount);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IReputationRollup
    function withdraw(uint256 amount) external {
        _spend(msg.sender, amount, 0);
        emit Withdrawn(msg.sender, amount);
        MARKET_TOKEN.safeTransfer(msg.sender, amount);
    }

    // ------------------------------------------------------------------ batches

    /// @inheritdoc IReputationRollup
    function post(Posting calldata posting, bytes calldata data) external returns (bytes32 batch) {
        require(msg.sender == tx.origin && msg.sender.code.length == 0, HiddenData(msg.sender));
        uint256 id = posting.shard;
        require(id < SHARDS, UnknownShard(id, SHARDS));
        Shard storage shard = _shards[id];
        uint64 index = shard.index;
        bytes32 previous = _batches[id][index];
        require(posting.previous == previous, StaleTip(id, posting.previous, previous));
        _requireInOrder(posting, shard);

        bytes32 rootBefore = index == 0 ? ShardState(id, 0, 0, 0, 0).hash() : shard.root;
        Walk memory walk = _walk(data, rootBefore);
        BatchHeader memory header;
        header.shard = posting.shard;
        header.index = ++index;
        header.kind = posting.kind;
        header.source = BatchSource.Calldata;
        header.closes = posting.closes;
        header.epoch = posting.epoch;
        header.postedAt = uint64(block.timestamp);
        header.proposer = msg.sender;
        header.levy = posting.levy;
        header.segments = walk.segments.toUint32();
        header.previous = previous;
        header.rootBefore = rootBefore;
        header.root = walk.root;
        header.data = walk.data;
        header.folds = posting.folds;
        header.archive = posting.archive;
        batch = header.hash();

        uint256 levy = uint256(posting.levy) * FEE_UNIT;
        _spend(msg.sender, levy, BOND);
        shard.index = index;
        shard.epoch = posting.epoch;
        shard.kind = posting.kind;
        shard.closes = posting.closes;
        shard.root = walk.root;
        _batches[id][index] = batch;
        emit BatchPosted(id, index, batch, header);
        MARKET_TOKEN.burn(levy);
    }

    /// @inheritdoc IReputationRollup
    function finalise(BatchHeader[] calldata headers) external {
        for (uint256 i; i < headers.length; ++i) {
            BatchHeader calldata header = headers[i];
            Shard storage shard = _shards[header.shard];
            if (header.index <= shard.finalIndex) continue;
            uint256 next = shard.finalIndex + 1;
            require(header.index == next, NotNextBatch(header.shard, header.index, next));
            bytes32 batch = header.hash();
            bytes32 stored = _batches[header.shard][next];
            require(batch == stored, WrongHeader(header.shard, next, batch, stored));
            uint256 end = header.postedAt + WINDOW;
            require(block.timestamp >= end, WindowOpen(header.shard, next, end, block.timestamp));

            shard.finalIndex = header.index;
            shard.finalRoot = header.root;
            _deposits[header.proposer].locked -= uint128(BOND);
            emit BatchFinalised(header.shard, next, batch, header.root);
        }
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IReputationRollup
    function scoreOf(ParticipantId provider, ScoreProof calldata proof) external view returns (RolledUpScore memory) {
        uint256 id = ParticipantId.unwrap(provider);
        ProviderLeaf calldata leaf = proof.leaf;
        bool proven = proof.state.hash() == _shards[id % SHARDS].finalRoot
            && MerkleTree.verify(proof.state.root, leaf.hash(), id / SHARDS, proof.path);
        require(proven, InvalidProof(provider));
        if (leaf.scoreEpoch == 0) return RolledUpScore({s: 0, u: 0, c: SCALE, score: GAMMA, epoch: 0});
        return RolledUpScore({s: leaf.s, u: leaf.u, c: leaf.c, score: leaf.score, epoch: leaf.scoreEpoch});
    }

    /// @inheritdoc IReputationRollup
    function finalisedRoot(uint256 shard) external view returns (bytes32) {
        return _shards[shard].finalRoot;
    }

    /// @inheritdoc IReputationRollup
    function shardOf(uint256 shard) external view returns (Shard memory) {
        return _shards[shard];
    }

    /// @inheritdoc IReputationRollup
    function batchOf(uint256 shard, uint256 index) external view returns (bytes32) {
        return _batches[shard][index];
    }

    /// @inheritdoc IReputationRollup
    function phaseOf(BatchHeader calldata header) external view returns (BatchPhase) {
        if (_batches[header.shard][header.index] != header.hash()) return BatchPhase.Absent;
        return header.index <= _shards[header.shard].finalIndex ? BatchPhase.Final : BatchPhase.Posted;
    }

    /// @inheritdoc IReputationRollup
    function depositOf(address account) external view returns (Deposit memory) {
        return _deposits[account];
    }

    /// @inheritdoc IReputationRollup
    function currentEpoch() public view returns (uint256) {
        return 1 + (block.timestamp - GENESIS) / EPOCH_LENGTH;
    }

    // ------------------------------------------------------------------ internals

    /// @dev Take `amount` out of what is not locked, and lock `bond` of the rest.
    function _spend(address account, uint256 amount, uint256 bond) private {
        Deposit storage held = _deposits[account];
        uint256 free = held.amount - held.locked;
        require(amount + bond <= free, InsufficientDeposit(account, free, amount + bond));
        held.amount -= uint128(amount);
        held.locked += uint128(bond);
    }

    /// @dev SPEC RP-22.
    function _requireInOrder(Posting calldata posting, Shard storage shard) private view {
        uint256 epoch = posting.epoch;
        uint256 current = currentEpoch();
        BatchKind kind = shard.kind;
        bool inOrder;
        if (posting.kind == BatchKind.Opinions) {
            require(!posting.closes && posting.folds == 0, NotForKind(posting.kind));
            require(epoch == current || epoch + 1 == current, EpochNotOpen(epoch, current));
            if (kind == BatchKind.Absent) inOrder = epoch != 0;
            else if (kind == BatchKind.Opinions) inOrder = epoch == shard.epoch;
            else inOrder = shard.closes && epoch > shard.epoch;
        } else {
            require(posting.kind == BatchKind.Scores && posting.levy == 0, NotForKind(posting.kind));
            require(epoch < current, EpochNotOver(epoch, current));
            inOrder = kind != BatchKind.Absent && !shard.closes && epoch == shard.epoch;
        }
        require(inOrder, OutOfOrder(posting.kind, epoch, kind, shard.epoch, shard.closes));
    }

    /// @dev Hash the data segment by segment; what the segments say is nobody's business here. (SPEC RP-19)
    function _walk(bytes calldata data, bytes32 rootBefore) private pure returns (Walk memory walk) {
        MerkleTree.Frontier memory tree;
        bytes32 root = rootBefore;
        uint256 at;
        while (at < data.length) {
            uint256 start = at + _LENGTH_BYTES;
            require(start <= data.length, TruncatedData(at));
            uint256 end = start + uint16(bytes2(data[at:start]));
            uint256 next = end + _ROOT_BYTES;
            require(next <= data.length, TruncatedData(at));
            bytes32 before = root;
            root = bytes32(data[end:next]);
            tree.append(ReputationLeaves.segmentLeaf(data[start:end], before, root));
            at = next;
        }
        require(tree.count != 0, EmptyBatch());
        return Walk({segments: tree.count, root: root, data: tree.rootOf()});
    }
}

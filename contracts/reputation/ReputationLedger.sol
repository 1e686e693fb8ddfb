// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IReputationLedger, Participation} from "../../interfaces/IReputationLedger.sol";
import {REPUTATION_FLOOR, SCALE} from "../protocol/Constants.sol";

/// @title ReputationLedger
/// @notice Who finishes what it takes part in, and with how many others.
/// @dev Lifecycle and trust stand in IReputationLedger. What a recorder reports never reverts for what the ledger holds, so
/// that no settlement waits for it. Rules: LG-1 to LG-4.
contract ReputationLedger is IReputationLedger {
    using SafeCast for int256;

    struct Record {
        int128 score;
        uint64 partners;
        uint64 participations;
    }

    address private immutable _OWNER;

    bool private _sealed;
    mapping(address account => bool) private _recorders;
    mapping(address account => Record) private _records;
    mapping(bytes32 pair => bool) private _met;

    modifier onlyOwner() {
        require(msg.sender == _OWNER, NotLedgerOwner(msg.sender));
        _;
    }

    modifier onlyRecorder() {
        require(_recorders[msg.sender], NotRecorder(msg.sender));
        _;
    }

    constructor(address owner) {
        _OWNER = owner;
    }

    // ------------------------------------------------------------------ trust

    /// @inheritdoc IReputationLedger
    function authoriseRecorder(address recorder) external onlyOwner {
        require(!_sealed, LedgerIsSealed());
        require(recorder.code.length > 0, RecorderWithoutCode(recorder));
        _recorders[recorder] = true;
        emit RecorderAuthorised(recorder);
    }

    /// @inheritdoc IReputationLedger
    function seal() external onlyOwner {
        require(!_sealed, LedgerIsSealed());
        _sealed = true;
        emit LedgerSealed();
    }

    // ------------------------------------------------------------------ events of tasks and market

    /// @inheritdoc IReputationLedger
    function participate(address account, address partner) external onlyRecorder {
        bytes32 pair = Hashes.commutativeKeccak256(bytes32(bytes20(account)), bytes32(bytes20(partner)));
        bool met = _met[pair] || account == partner;
        if (!met) _met[pair] = true;
        _count(account, !met);
        if (partner != account) _count(partner, !met);
        emit ParticipationRecorded(account, partner, msg.sender);
    }

    /// @inheritdoc IReputationLedger
    function reward(address account) external onlyRecorder {
        Record storage record = _records[account];
        uint256 participations = record.participations;
        if (participations == 0) return;
        _set(record, account, record.score + int256(record.partners * SCALE / participations));
    }

    /// @inheritdoc IReputationLedger
    function penalise(address account) external onlyRecorder {
        Record storage record = _records[account];
        int256 lower = record.score - int256(SCALE);
        _set(record, account, lower < REPUTATION_FLOOR ? REPUTATION_FLOOR : lower);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IReputationLedger
    function participationOf(address account) external view returns (Participation memory) {
        Record memory record = _records[account];
        return Participation(record.score, record.partners, record.participations);
    }

    /// @inheritdoc IReputationLedger
    function scoreOf(address account) external view returns (int256) {
        return _records[account].score;
    }

    /// @inheritdoc IReputationLedger
    function isRecorder(address account) external view returns (bool) {
        return _recorders[account];
    }

    /// @inheritdoc IReputationLedger
    function isSealed() external view returns (bool) {
        return _sealed;
    }

    // ------------------------------------------------------------------ internals

    function _count(address account, bool isNew) private {
        Record storage record = _records[account];
        ++record.participations;
        if (isNew) ++record.partners;
    }

    function _set(Record storage record, address account, int256 score) private {
        record.score = score.toInt128();
        emit ScoreChanged(account, msg.sender, score);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {DataTask, DataTaskId, DataTerms, DeliveryStatus, Dispute, IDataTasks} from "../../interfaces/IDataTasks.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {PanelTerms} from "../../interfaces/IModelTasks.sol";
import {CaseId, CaseTerms, IOracleCourt, Ruling} from "../../interfaces/IOracleCourt.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IReputationLedger} from "../../interfaces/IReputationLedger.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {CompressedG1, G1Point} from "../crypto/BLS12381.sol";
import {Sealing} from "../market/Sealing.sol";
import {MAX_SUBMISSIONS, SUBMISSION_DEPOSIT} from "../protocol/Constants.sol";
import {CaseKind, DeliveryState} from "../protocol/Enums.sol";
import {DeliveryKey, DOMAIN_NAME, DOMAIN_VERSION, Messages} from "../protocol/Messages.sol";
import {DeliveryProofs} from "./DeliveryProofs.sol";
import {TaskRules} from "./TaskRules.sol";

/// @title DataTasks
/// @notice A requester pays strangers for data that only it can open; a panel judges what it refuses. (SPEC DT)
/// @dev Lifecycle, trust and assumptions stand in IDataTasks. Invariants: DT-I1 to DT-I3.
///
/// Court, ledger, registry and token are code of the protocol: none of them calls anybody back before its own work is
/// done, and each action here changes what it keeps before it calls them.
contract DataTasks is IDataTasks, EIP712 {
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;
    using TaskRules for uint256;

    /// @dev Six words. `states` holds four bits for each position, see TaskRules.
    struct Record {
        address requester;
        uint48 deadline;
        uint48 judgingEnd;
        uint32 disputePeriod;
        int64 minimumReputation;
        uint8 maxDeliveries;
        uint8 delivered;
        uint8 honest;
        uint8 marked;
        uint8 disputed;
        uint8 won;
        bool isSettled;
        uint128 reward;
        uint128 compensation;
        uint128 fee;
        uint128 security;
        bytes32 receiver;
        uint256 states;
        PanelTerms panel;
    }

    /// @dev One word: 31 bytes of a hash are as good as 32 against collisions of 2^124 tries.
    /// @param number Position + 1; zero for who has not delivered.
    struct Receipt {
        bytes31 digest;
        uint8 number;
    }

    /// @dev Options of a case. (SPEC DT-5)
    uint16 private constant _HONEST = 1;
    uint16 private constant _DISHONEST = 2;
    uint16 private constant _OPTIONS = 2;

    /// @inheritdoc IDataTasks
    IOracleCourt public immutable COURT;
    /// @inheritdoc IDataTasks
    IReputationLedger public immutable LEDGER;
    /// @inheritdoc IDataTasks
    IParticipantRegistry public immutable REGISTRY;
    /// @inheritdoc IDataTasks
    DeliveryProofs public immutable PROOFS;
    /// @inheritdoc IDataTasks
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IDataTasks
    uint256 public immutable MIN_PERIOD;
    /// @inheritdoc IDataTasks
    uint256 public immutable MAX_PERIOD;

    /// @inheritdoc IDataTasks
    uint256 public taskCount;
    mapping(DataTaskId task => Record) private _records;
    mapping(DataTaskId task => mapping(address worker => Receipt)) private _receipts;
    mapping(CaseId caseId => Dispute) private _disputes;

    constructor(
        IOracleCourt court,
        IReputationLedger ledger,
        IParticipantRegistry registry,
        DeliveryProofs proofs,
        IMarketToken token,
        uint256 minPeriod,
        uint256 maxPeriod
    ) EIP712(DOMAIN_NAME, DOMAIN_VERSION) {
        COURT = court;
        LEDGER = ledger;
        REGISTRY = registry;
        PROOFS = proofs;
        MARKET_TOKEN = token;
        MIN_PERIOD = minPeriod;
        MAX_PERIOD = maxPeriod;
    }

    // ------------------------------------------------------------------ actions

    /// @inheritdoc IDataTasks
    function create(DataTerms calldata terms) external returns (DataTaskId task) {
        _checkTerms(terms);
        task = DataTaskId.wrap(++taskCount);
        uint256 fee = COURT.feeOf(terms.panel.seats);
        CompressedG1 memory key = REGISTRY.decryptionKeyOf(msg.sender);
        Record storage record = _records[task];
        record.requester = msg.sender;
        record.deadline = terms.deadline;
        record.judgingEnd = uint48(terms.deadline) + terms.judgingPeriod;
        record.disputePeriod = terms.disputePeriod;
        record.minimumReputation = terms.minimumReputation;
        record.maxDeliveries = terms.maxDeliveries;
        record.reward = terms.reward;
        record.compensation = terms.compensation;
        record.fee = fee.toUint128();
        record.receiver = Sealing.receiverOf(key);
        record.panel = terms.panel;
        emit DataTaskCreated(task, msg.sender, fee, key, terms);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), uint256(terms.reward) + terms.compensation);
    }

    /// @inheritdoc IDataTasks
    function deliver(DataTaskId task, Sealed calldata sealed_, MaskedKey calldata masked)
        external
        returns (uint256 position)
    {
        Record storage record = _known(task);
        _requireTime(task, 0, record.deadline);
        require(msg.sender != record.requester, OwnTask(task));
        Receipt storage receipt = _receipts[task][msg.sender];
        require(receipt.number == 0, AlreadyDelivered(task, msg.sender));
        position = record.delivered;
        require(position < record.maxDeliveries, TaskIsFull(task, record.maxDeliveries));
        int256 score = LEDGER.scoreOf(msg.sender);
        require(score >= record.minimumReputation, ReputationTooLow(msg.sender, score, record.minimumReputation));
        Sealing.requireSound(sealed_);
        Sealing.requireSound(masked);
        (receipt.digest, receipt.number) = (_digestOf(sealed_, masked), uint8(position + 1));
        (record.delivered, record.honest) = (uint8(position + 1), record.honest + 1);
        record.states = record.states.withState(position, DeliveryState.Delivered);
        emit DataDelivered(task, msg.sender, position, sealed_, masked);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), SUBMISSION_DEPOSIT);
    }

    /// @inheritdoc IDataTasks
    function proveWrongKey(
        DataTaskId task,
        address worker,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point
    ) external {
        (Record storage record, uint256 position) = _accused(task, worker, sealed_, masked);
        bool wrong = PROOFS.isWrongKey(_contextOf(task, worker), record.receiver, sealed_, masked, point);
        _decide(task, record, worker, position, wrong);
    }

    /// @inheritdoc IDataTasks
    function proveWrongChunk(
        DataTaskId task,
        address worker,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point,
        ChunkProof calldata chunk
    ) external {
        (Record storage record, uint256 position) = _accused(task, worker, sealed_, masked);
        bytes32 context = _contextOf(task, worker);
        bool wrong = PROOFS.isWrongChunk(context, record.receiver, sealed_, masked, point, chunk);
        _decide(task, record, worker, position, wrong);
    }

    /// @inheritdoc IDataTasks
    function judge(DataTaskId task, uint256 dishonest) external {
        Record storage record = _known(task);
        require(msg.sender == record.requester, NotRequester(task, msg.sender));
        _requireTime(task, record.deadline, record.judgingEnd);
        uint256 delivered = record.delivered;
        require(dishonest >> delivered == 0, UnknownPositions(task, dishonest, delivered));
        uint256 states = record.states;
        for (uint256 i; i < delivered; ++i) {
            if (!dishonest.has(i)) continue;
            _requireState(task, states, i, DeliveryState.Delivered);
            states = states.withState(i, DeliveryState.Dishonest);
        }
        uint8 marked = uint8(dishonest.size());
        uint256 security = marked * uint256(record.fee);
        (record.states, record.marked, record.honest) = (states, marked, record.honest - marked);
        (record.security, record.judgingEnd) = (security.toUint128(), uint48(block.timestamp));
        emit DeliveriesJudged(task, dishonest, security);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), security);
    }

    /// @inheritdoc IDataTasks
    function dispute(DataTaskId task) external returns (CaseId caseId) {
        Record storage record = _known(task);
        uint256 position = _receiptOf(task, msg.sender).number - 1;
        _requireTime(task, record.judgingEnd, _disputeEnd(record));
        _move(task, record, position, DeliveryState.Dishonest, DeliveryState.Disputed);
        (record.marked, record.disputed) = (record.marked - 1, record.disputed + 1);
        uint256 fee = record.fee;
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), fee);
        MARKET_TOKEN.forceApprove(address(COURT), fee);
        caseId = COURT.open(_caseTerms(task, record, msg.sender), msg.sender);
        _disputes[caseId] = Dispute(task, msg.sender);
        emit DeliveryDisputed(task, msg.sender, caseId);
    }

    /// @inheritdoc IDataTasks
    function openKey(CaseId caseId, G1Point calldata ephemeral, bytes32[] calldata masked) external {
        Dispute memory dispute_ = _disputeOf(caseId);
        require(msg.sender == dispute_.worker, NotDisputant(caseId, msg.sender));
        uint256 seats = COURT.panelOf(caseId).length;
        require(seats != 0 && masked.length == seats, WrongPanel(caseId, masked.length, seats));
        emit KeyOpened(caseId, ephemeral, masked);
    }

    /// @inheritdoc IDataTasks
    function resolve(CaseId caseId) public {
        Dispute memory dispute_ = _disputeOf(caseId);
        (DataTaskId task, address worker) = (dispute_.task, dispute_.worker);
        Record storage record = _records[task];
        uint256 position = _receipts[task][worker].number - 1;
        Ruling memory ruling = COURT.rulingOf(caseId);
        require(ruling.isFinal, DisputeNotRuled(caseId));
        bool won = ruling.choice == _HONEST;
        DeliveryState outcome = won ? DeliveryState.Vindicated : DeliveryState.Condemned;
        _move(task, record, position, DeliveryState.Disputed, outcome);
        --record.disputed;
        if (!won) record.states = record.states.withClaim(position);
        uint256 costs = won ? _win(record, ruling.costs) : 0;
        emit DisputeResolved(task, worker, caseId, won, costs);
        _report(record, worker, won);
        if (won) {
            LEDGER.penalise(record.requester);
            if (costs != 0) {
                MARKET_TOKEN.forceApprove(address(COURT), costs);
                COURT.payCosts(caseId, costs);
            }
        } else {
            MARKET_TOKEN.safeTransfer(record.requester, SUBMISSION_DEPOSIT);
        }
    }

    /// @notice See `resolve`.
    function onRuling(CaseId id) external {
        resolve(id);
    }

    /// @inheritdoc IDataTasks
    function settle(DataTaskId task) external {
        Record storage record = _known(task);
        require(!record.isSettled, AlreadySettled(task));
        _requireTime(task, record.delivered == 0 ? record.deadline : record.judgingEnd, type(uint256).max);
        (uint256 marked, uint256 disputed) = (record.marked, record.disputed);
        require(
            disputed == 0 && (marked == 0 || block.timestamp >= _disputeEnd(record)),
            DisputesOpen(task, marked, disputed)
        );
        record.isSettled = true;
        (uint256 honest, uint256 won) = (record.honest, record.won);
        uint256 refund =
            TaskRules.left(record.reward, honest) + TaskRules.left(record.compensation, won) + record.security;
        record.security = 0;
        emit DataTaskSettled(task, honest, won, refund);
        MARKET_TOKEN.safeTransfer(record.requester, refund);
    }

    /// @inheritdoc IDataTasks
    function claim(DataTaskId task, address worker) external returns (uint256 amount) {
        Record storage record = _known(task);
        uint256 position = _receiptOf(task, worker).number - 1;
        uint256 states = record.states;
        require(!states.isClaimed(position), AlreadyClaimed(task, worker));
        DeliveryState state = states.stateAt(position);
        bool honest = TaskRules.isHonest(state);
        if (honest) _requireTime(task, record.judgingEnd, type(uint256).max);
        else require(record.isSettled, NotSettled(task));
        record.states = states.withClaim(position);
        amount = _due(record, state);
        emit DeliveryClaimed(task, worker, amount);
        if (state != DeliveryState.Vindicated) _report(record, worker, honest);
        MARKET_TOKEN.safeTransfer(worker, amount);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IDataTasks
    function taskOf(DataTaskId task) external view returns (DataTask memory) {
        Record storage record = _known(task);
        return DataTask({
            requester: record.requester,
            reward: record.reward,
            compensation: record.compensation,
            fee: record.fee,
            receiver: record.receiver,
            deadline: record.deadline,
            judgingEnd: record.judgingEnd,
            disputeEnd: _disputeEnd(record),
            minimumReputation: record.minimumReputation,
            maxDeliveries: record.maxDeliveries,
            delivered: record.delivered,
            honest: record.honest,
            marked: record.marked,
            disputed: record.disputed,
            won: record.won,
            security: record.security,
            panel: record.panel,
            isSettled: record.isSettled
        });
    }

    /// @inheritdoc IDataTasks
    function deliveryOf(DataTaskId task, address worker) external view returns (DeliveryStatus memory) {
        Receipt memory receipt = _receiptOf(task, worker);
        uint256 position = receipt.number - 1;
        uint256 states = _records[task].states;
        return DeliveryStatus(position, receipt.digest, states.stateAt(position), states.isClaimed(position));
    }

    /// @inheritdoc IDataTasks
    function disputeOf(CaseId caseId) external view returns (Dispute memory) {
        return _disputes[caseId];
    }

    /// @inheritdoc IDataTasks
    function claimable(DataTaskId task, address worker) external view returns (uint256 amount) {
        Record storage record = _known(task);
        uint256 position = _receiptOf(task, worker).number - 1;
        uint256 states = record.states;
        DeliveryState state = states.stateAt(position);
        bool open = TaskRules.isHonest(state) ? block.timestamp < record.judgingEnd : !record.isSettled;
        return open || states.isClaimed(position) ? 0 : _due(record, state);
    }

    /// @inheritdoc IDataTasks
    function evidenceOf(DataTaskId task, address worker) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), task, worker));
    }

    // ------------------------------------------------------------------ internals

    function _checkTerms(DataTerms calldata terms) private view {
        require(LEDGER.isRecorder(address(this)), LedgerRefuses());
        require(terms.reward != 0, InvalidTerms("reward"));
        require(terms.compensation >= terms.reward, InvalidTerms("compensation"));
        require(
            terms.deadline > block.timestamp && terms.deadline - block.timestamp <= MAX_PERIOD, InvalidTerms("deadline")
        );
        require(_isPeriod(terms.judgingPeriod), InvalidTerms("judgingPeriod"));
        require(_isPeriod(terms.disputePeriod), InvalidTerms("disputePeriod"));
        require(terms.maxDeliveries != 0 && terms.maxDeliveries <= MAX_SUBMISSIONS, InvalidTerms("maxDeliveries"));
        TaskRules.checkContent(terms.schema);
        TaskRules.checkPanel(terms.panel, COURT.MIN_PERIOD(), COURT.MAX_PERIOD());
    }

    function _isPeriod(uint256 period) private view returns (bool) {
        return period >= MIN_PERIOD && period <= MAX_PERIOD;
    }

    /// @dev A delivery that its requester accuses: as it was delivered, in time, and of which nobody has spoken.
    function _accused(DataTaskId task, address worker, Sealed calldata sealed_, MaskedKey calldata masked)
        private
        view
        returns (Record storage record, uint256 position)
    {
        record = _known(task);
        require(msg.sender == record.requester, NotRequester(task, msg.sender));
        _requireTime(task, 0, record.judgingEnd);
        Receipt memory receipt = _receiptOf(task, worker);
        require(_digestOf(sealed_, masked) == receipt.digest, WrongDelivery(task, worker));
        position = receipt.number - 1;
    }

    /// @dev A right claim voids the delivery; a false one makes it honest for good. (SPEC DT-4)
    function _decide(DataTaskId task, Record storage record, address worker, uint256 position, bool wrong) private {
        _move(task, record, position, DeliveryState.Delivered, wrong ? DeliveryState.Void : DeliveryState.Honest);
        if (!wrong) {
            emit DeliveryUpheld(task, worker);
            LEDGER.penalise(msg.sender);
            return;
        }
        --record.honest;
        record.states = record.states.withClaim(position);
        emit DeliveryVoided(task, worker);
        _report(record, worker, false);
        MARKET_TOKEN.safeTransfer(msg.sender, SUBMISSION_DEPOSIT);
    }

    function _caseTerms(DataTaskId task, Record storage record, address worker)
        private
        view
        returns (CaseTerms memory)
    {
        PanelTerms memory panel = record.panel;
        return CaseTerms({
            kind: CaseKind.Choice,
            seats: panel.seats,
            size: _OPTIONS,
            standard: _DISHONEST,
            tolerance: 0,
            side: _HONEST,
            evidencePeriod: 0,
            commitPeriod: panel.commitPeriod,
            revealPeriod: panel.revealPeriod,
            appealPeriod: panel.appealPeriod,
            evidence: evidenceOf(task, worker)
        });
    }

    /// @dev Counts a won dispute, and takes the court's costs from what the requester put aside for it.
    function _win(Record storage record, uint256 costs) private returns (uint256 paid) {
        ++record.won;
        paid = Math.min(costs, record.fee);
        record.security -= uint128(paid);
    }

    function _due(Record storage record, DeliveryState state) private view returns (uint256) {
        if (TaskRules.isHonest(state)) return SUBMISSION_DEPOSIT + record.reward / record.honest;
        if (state == DeliveryState.Vindicated) return SUBMISSION_DEPOSIT + record.compensation / record.won;
        return SUBMISSION_DEPOSIT;
    }

    function _report(Record storage record, address worker, bool good) private {
        LEDGER.participate(worker, record.requester);
        if (good) LEDGER.reward(worker);
        else LEDGER.penalise(worker);
    }

    function _move(DataTaskId task, Record storage record, uint256 position, DeliveryState from, DeliveryState to)
        private
    {
        uint256 states = record.states;
        _requireState(task, states, position, from);
        record.states = states.withState(position, to);
    }

    function _requireState(DataTaskId task, uint256 states, uint256 position, DeliveryState needed) private pure {
        DeliveryState state = states.stateAt(position);
        require(state == needed, WrongState(task, position, state));
    }

    /// @dev It is `from` or later, and before `until`.
    function _requireTime(DataTaskId task, uint256 from, uint256 until) private view {
        require(block.timestamp >= from && block.timestamp < until, NotTheTime(task, from, until, block.timestamp));
    }

    function _known(DataTaskId task) private view returns (Record storage record) {
        record = _records[task];
        require(record.requester != address(0), UnknownTask(task));
    }

    function _receiptOf(DataTaskId task, address worker) private view returns (Receipt memory receipt) {
        receipt = _receipts[task][worker];
        require(receipt.number != 0, NotDelivered(task, worker));
    }

    function _disputeOf(CaseId caseId) private view returns (Dispute memory dispute_) {
        dispute_ = _disputes[caseId];
        require(dispute_.worker != address(0), NotDispute(caseId));
    }

    function _disputeEnd(Record storage record) private view returns (uint256) {
        return uint256(record.judgingEnd) + record.disputePeriod;
    }

    function _contextOf(DataTaskId task, address worker) private view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(DeliveryKey(DataTaskId.unwrap(task), worker)));
    }

    function _digestOf(Sealed calldata sealed_, MaskedKey calldata masked) private pure returns (bytes31) {
        return bytes31(keccak256(abi.encode(sealed_, masked)));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {Content, IModelTasks, ModelTask, ModelTaskId, ModelTerms, PanelTerms} from "../../interfaces/IModelTasks.sol";
import {CaseId, CaseTerms, IOracleCourt, Ruling, Scores} from "../../interfaces/IOracleCourt.sol";
import {IReputationLedger} from "../../interfaces/IReputationLedger.sol";
import {MAX_SUBMISSIONS, SCALE, SUBMISSION_DEPOSIT} from "../protocol/Constants.sol";
import {CaseKind, Metric, ModelOutcome} from "../protocol/Enums.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, Messages, Submission} from "../protocol/Messages.sol";
import {TaskRules} from "./TaskRules.sol";

/// @title ModelTasks
/// @notice A requester pays strangers for the best model; a panel measures. (SPEC MT)
/// @dev Lifecycle, trust and assumptions stand in IModelTasks. Invariants: MT-I1 to MT-I3.
///
/// Court, ledger and token are code of the protocol: none of them calls anybody back before its own work is done, and
/// each action here changes what it keeps before it calls them.
contract ModelTasks is IModelTasks, EIP712 {
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;
    using TaskRules for uint256;

    /// @dev Five words, so arranged that each action touches few, and hardly one that was zero. Sets hold a bit for each
    /// position.
    struct Record {
        address requester;
        uint48 deadline;
        uint48 revealEnd;
        // second word
        int64 minimumReputation;
        uint16 seats;
        uint8 maxSubmissions;
        uint8 committed;
        uint32 threshold;
        uint32 tolerance;
        uint32 panelCommitPeriod;
        uint32 panelRevealPeriod;
        uint32 panelAppealPeriod;
        // third word
        uint96 reward;
        uint96 fee;
        uint40 caseId;
        uint8 best;
        uint8 sharing;
        ModelOutcome outcome;
        // fourth word
        uint64 revealed;
        uint64 passed;
        uint48 publishEnd;
        // fifth word
        bytes32 validation;
    }

    /// @dev One word: 31 bytes of a hash are as good as 32 against collisions of 2^124 tries.
    /// @param number Position + 1; zero for who has not committed, or has been paid, which deletes it.
    struct Commitment {
        bytes31 digest;
        uint8 number;
    }

    /// @inheritdoc IModelTasks
    IOracleCourt public immutable COURT;
    /// @inheritdoc IModelTasks
    IReputationLedger public immutable LEDGER;
    /// @inheritdoc IModelTasks
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IModelTasks
    uint256 public immutable MIN_PERIOD;
    /// @inheritdoc IModelTasks
    uint256 public immutable MAX_PERIOD;

    /// @inheritdoc IModelTasks
    uint256 public taskCount;
    mapping(ModelTaskId task => Record) private _records;
    mapping(ModelTaskId task => mapping(address worker => Commitment)) private _commitments;

    constructor(IOracleCourt court, IReputationLedger ledger, IMarketToken token, uint256 minPeriod, uint256 maxPeriod)
        EIP712(DOMAIN_NAME, DOMAIN_VERSION)
    {
        COURT = court;
        LEDGER = ledger;
        MARKET_TOKEN = token;
        MIN_PERIOD = minPeriod;
        MAX_PERIOD = maxPeriod;
    }

    // ------------------------------------------------------------------ actions

    /// @inheritdoc IModelTasks
    function create(ModelTerms calldata terms) external returns (ModelTaskId task) {
        _checkTerms(terms);
        task = ModelTaskId.wrap(++taskCount);
        uint256 fee = COURT.feeOf(terms.panel.seats);
        uint256 revealEnd = uint256(terms.deadline) + terms.revealPeriod;
        Record storage record = _records[task];
        record.requester = msg.sender;
        record.deadline = terms.deadline;
        record.revealEnd = revealEnd.toUint48();
        record.publishEnd = (revealEnd + terms.publishPeriod).toUint48();
        record.threshold = terms.threshold;
        record.tolerance = terms.tolerance;
        record.minimumReputation = terms.minimumReputation;
        record.seats = terms.panel.seats;
        record.maxSubmissions = terms.maxSubmissions;
        record.reward = terms.reward;
        record.fee = fee.toUint96();
        record.validation = terms.validation;
        record.panelCommitPeriod = terms.panel.commitPeriod;
        record.panelRevealPeriod = terms.panel.revealPeriod;
        record.panelAppealPeriod = terms.panel.appealPeriod;
        emit ModelTaskCreated(task, msg.sender, fee, terms);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), terms.reward + fee);
    }

    /// @inheritdoc IModelTasks
    function commit(ModelTaskId task, bytes32 commitment) external returns (uint256 position) {
        Record storage record = _known(task);
        _requireTime(task, 0, record.deadline);
        require(msg.sender != record.requester, OwnTask(task));
        Commitment storage kept = _commitments[task][msg.sender];
        require(kept.number == 0, AlreadyCommitted(task, msg.sender));
        position = record.committed;
        require(position < record.maxSubmissions, TaskIsFull(task, record.maxSubmissions));
        int256 score = LEDGER.scoreOf(msg.sender);
        require(score >= record.minimumReputation, ReputationTooLow(msg.sender, score, record.minimumReputation));
        record.committed = uint8(position + 1);
        (kept.digest, kept.number) = (bytes31(commitment), uint8(position + 1));
        emit ModelCommitted(task, msg.sender, position, commitment);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), SUBMISSION_DEPOSIT);
    }

    /// @inheritdoc IModelTasks
    function reveal(ModelTaskId task, Content calldata model, bytes32 salt) external {
        Record storage record = _known(task);
        _requireTime(task, record.deadline, record.revealEnd);
        Commitment memory kept = _commitmentOf(task, msg.sender);
        bytes32 commitment =
            _hashTypedDataV4(Messages.hash(Submission(ModelTaskId.unwrap(task), msg.sender, model.digest, salt)));
        require(bytes31(commitment) == kept.digest, WrongReveal(task, msg.sender));
        uint256 position = kept.number - 1;
        uint256 revealed = record.revealed;
        require(!revealed.has(position), AlreadyRevealed(task, msg.sender));
        TaskRules.checkContent(model);
        record.revealed = uint64(revealed.with(position));
        emit ModelRevealed(task, msg.sender, position, model);
    }

    /// @inheritdoc IModelTasks
    function publish(ModelTaskId task, Content calldata validation, bytes32 salt) external returns (CaseId caseId) {
        Record storage record = _known(task);
        require(msg.sender == record.requester, NotRequester(task, msg.sender));
        require(record.caseId == 0, AlreadyPublished(task, CaseId.wrap(record.caseId)));
        uint256 revealed = record.revealed;
        uint256 committed = record.committed;
        bool complete = revealed.size() == committed;
        _requireTime(task, complete ? record.deadline : record.revealEnd, record.publishEnd);
        require(revealed != 0, NothingRevealed(task));
        require(validationHash(validation, salt) == record.validation, WrongValidation(task));
        TaskRules.checkContent(validation);
        MARKET_TOKEN.forceApprove(address(COURT), record.fee);
        caseId = COURT.open(_caseTerms(task, record), record.requester);
        record.caseId = CaseId.unwrap(caseId).toUint40();
        emit ValidationPublished(task, caseId, validation, salt, committed);
    }

    /// @inheritdoc IModelTasks
    function settle(ModelTaskId task, Scores calldata scores) external {
        Record storage record = _known(task);
        require(record.outcome == ModelOutcome.Absent, AlreadySettled(task));
        (ModelOutcome outcome, uint256 passed, uint256 best) = _outcome(task, record, scores);
        uint256 sharing = passed.size();
        record.outcome = outcome;
        record.passed = uint64(passed);
        record.sharing = uint8(sharing);
        record.best = uint8(best);
        address requester = record.requester;
        uint256 refund = _refund(record, outcome, sharing);
        emit ModelTaskSettled(task, outcome, passed, best, refund);
        if (outcome == ModelOutcome.Unpublished) LEDGER.penalise(requester);
        MARKET_TOKEN.safeTransfer(requester, refund);
    }

    /// @inheritdoc IModelTasks
    function claim(ModelTaskId task, address worker) external returns (uint256 amount) {
        Record storage record = _known(task);
        uint256 position = _commitmentOf(task, worker).number - 1;
        require(record.outcome != ModelOutcome.Absent, NotSettled(task));
        delete _commitments[task][worker];
        amount = _due(record, position);
        emit SubmissionClaimed(task, worker, amount);
        _report(record, worker, position);
        if (amount != 0) MARKET_TOKEN.safeTransfer(worker, amount);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IModelTasks
    function taskOf(ModelTaskId task) external view returns (ModelTask memory) {
        Record storage record = _known(task);
        return ModelTask({
            requester: record.requester,
            reward: record.reward,
            fee: record.fee,
            deadline: record.deadline,
            revealEnd: record.revealEnd,
            publishEnd: record.publishEnd,
            threshold: record.threshold,
            tolerance: record.tolerance,
            minimumReputation: record.minimumReputation,
            maxSubmissions: record.maxSubmissions,
            committed: record.committed,
            revealed: record.revealed,
            passed: record.passed,
            best: record.best,
            validation: record.validation,
            panel: PanelTerms(
                record.seats, record.panelCommitPeriod, record.panelRevealPeriod, record.panelAppealPeriod
            ),
            caseId: CaseId.wrap(record.caseId),
            outcome: record.outcome
        });
    }

    /// @inheritdoc IModelTasks
    function submissionOf(ModelTaskId task, address worker)
        external
        view
        returns (uint256 position, bytes31 commitment)
    {
        Commitment memory kept = _commitmentOf(task, worker);
        return (kept.number - 1, kept.digest);
    }

    /// @inheritdoc IModelTasks
    function claimable(ModelTaskId task, address worker) external view returns (uint256 amount) {
        Record storage record = _known(task);
        uint256 position = _commitmentOf(task, worker).number - 1;
        return record.outcome == ModelOutcome.Absent ? 0 : _due(record, position);
    }

    /// @inheritdoc IModelTasks
    function validationHash(Content calldata validation, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(validation.digest, validation.codec, salt));
    }

    /// @inheritdoc IModelTasks
    function evidenceOf(ModelTaskId task) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), task));
    }

    // ------------------------------------------------------------------ internals: what is said

    function _checkTerms(ModelTerms calldata terms) private view {
        require(LEDGER.isRecorder(address(this)), LedgerRefuses());
        require(terms.reward != 0, InvalidTerms("reward"));
        require(terms.metric != Metric.Absent, InvalidTerms("metric"));
        require(terms.threshold <= SCALE, InvalidTerms("threshold"));
        require(terms.tolerance <= SCALE, InvalidTerms("tolerance"));
        require(
            terms.deadline > block.timestamp && terms.deadline - block.timestamp <= MAX_PERIOD, InvalidTerms("deadline")
        );
        require(_isPeriod(terms.revealPeriod), InvalidTerms("revealPeriod"));
        require(_isPeriod(terms.publishPeriod), InvalidTerms("publishPeriod"));
        require(terms.maxSubmissions != 0 && terms.maxSubmissions <= MAX_SUBMISSIONS, InvalidTerms("maxSubmissions"));
        TaskRules.checkContent(terms.description);
        TaskRules.checkPanel(terms.panel, COURT.MIN_PERIOD(), COURT.MAX_PERIOD());
    }

    function _isPeriod(uint256 period) private view returns (bool) {
        return period >= MIN_PERIOD && period <= MAX_PERIOD;
    }

    function _caseTerms(ModelTaskId task, Record storage record) private view returns (CaseTerms memory) {
        return CaseTerms({
            kind: CaseKind.Scores,
            seats: record.seats,
            size: record.committed,
            standard: 0,
            tolerance: record.tolerance,
            side: 0,
            evidencePeriod: 0,
            commitPeriod: record.panelCommitPeriod,
            revealPeriod: record.panelRevealPeriod,
            appealPeriod: record.panelAppealPeriod,
            evidence: evidenceOf(task)
        });
    }

    // ------------------------------------------------------------------ internals: how it ends

    /// @dev Reverts while the end is open.
    function _outcome(ModelTaskId task, Record storage record, Scores calldata scores)
        private
        view
        returns (ModelOutcome outcome, uint256 passed, uint256 best)
    {
        uint256 counted = record.revealed;
        if (record.caseId == 0) {
            bool empty = counted == 0;
            uint256 from = !empty ? record.publishEnd : record.committed == 0 ? record.deadline : record.revealEnd;
            _requireTime(task, from, type(uint256).max);
            return (empty ? ModelOutcome.Empty : ModelOutcome.Unpublished, counted, 0);
        }
        Ruling memory ruling = COURT.rulingOf(CaseId.wrap(record.caseId));
        require(ruling.isFinal, NotRuled(task, CaseId.wrap(record.caseId)));
        if (ruling.scores == 0) return (ModelOutcome.Unjudged, counted, 0);
        bytes32 actual = keccak256(abi.encode(scores));
        require(actual == ruling.scores, WrongScores(task, actual, ruling.scores));
        if (TaskRules.isWithoutValidation(scores)) return (ModelOutcome.Unpublished, counted, 0);
        (passed, best) = TaskRules.rank(scores, counted, record.threshold);
        return (ModelOutcome.Ranked, passed, best);
    }

    /// @dev What nobody else has a claim to: of the reward, the fee that was not spent, and forfeited deposits.
    function _refund(Record storage record, ModelOutcome outcome, uint256 sharing) private view returns (uint256) {
        uint256 reward = record.reward;
        uint256 forfeited = (record.committed - uint256(record.revealed).size()) * SUBMISSION_DEPOSIT;
        uint256 left = reward;
        if (outcome != ModelOutcome.Ranked) {
            if (sharing != 0) left = reward % sharing;
        } else if (sharing != 0) {
            (uint256 ofBest, uint256 ofOther) = TaskRules.split(reward, sharing);
            left = reward - ofBest - ofOther * (sharing - 1);
        }
        return left + forfeited + (record.caseId == 0 ? record.fee : 0);
    }

    /// @dev What is due for a submission of a settled task.
    function _due(Record storage record, uint256 position) private view returns (uint256 amount) {
        if (!uint256(record.revealed).has(position)) return 0;
        amount = SUBMISSION_DEPOSIT;
        if (!uint256(record.passed).has(position)) return amount;
        if (record.outcome != ModelOutcome.Ranked) return amount + record.reward / record.sharing;
        (uint256 ofBest, uint256 ofOther) = TaskRules.split(record.reward, record.sharing);
        return amount + (position == record.best ? ofBest : ofOther);
    }

    /// @dev Who did not reveal has not finished, whatever came of the task; the others are what the scores say. (SPEC MT-6)
    function _report(Record storage record, address worker, uint256 position) private {
        bool unrevealed = !uint256(record.revealed).has(position);
        if (!unrevealed && record.outcome != ModelOutcome.Ranked) return;
        LEDGER.participate(worker, record.requester);
        if (uint256(record.passed).has(position)) LEDGER.reward(worker);
        else LEDGER.penalise(worker);
    }

    // ------------------------------------------------------------------ internals: checks

    /// @dev It is `from` or later, and before `until`.
    function _requireTime(ModelTaskId task, uint256 from, uint256 until) private view {
        require(block.timestamp >= from && block.timestamp < until, NotTheTime(task, from, until, block.timestamp));
    }

    function _known(ModelTaskId task) private view returns (Record storage record) {
        record = _records[task];
        require(record.requester != address(0), UnknownTask(task));
    }

    function _commitmentOf(ModelTaskId task, address worker) private view returns (Commitment memory kept) {
        kept = _commitments[task][worker];
        require(kept.number != 0, NotCommitted(task, worker));
    }
}

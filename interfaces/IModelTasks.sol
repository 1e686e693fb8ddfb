// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Metric, ModelOutcome} from "../contracts/protocol/Enums.sol";
import {IMarketToken} from "./IMarketToken.sol";
import {CaseId, IOracleCourt, Scores} from "./IOracleCourt.sol";
import {IReputationLedger} from "./IReputationLedger.sol";

/// @notice Number of a model task, from 1 in the order of creation.
type ModelTaskId is uint256;

/// @notice What content is called: a CIDv1 over sha2-256.
/// @param digest Of the root block.
/// @param codec Of the root block: 0x55 raw, 0x70 dag-pb.
struct Content {
    bytes32 digest;
    uint8 codec;
}

/// @notice The court that a task asks for, fixed at its creation.
/// @param seats Of the first round: odd, at most MAX_FIRST_PANEL.
/// @param commitPeriod Seconds; so are the others.
struct PanelTerms {
    uint16 seats;
    uint32 commitPeriod;
    uint32 revealPeriod;
    uint32 appealPeriod;
}

/// @notice What a requester asks for. (SPEC MT-1)
/// @param reward Θ, in MarketToken.
/// @param validation Digest of the validation data and a salt, by `validationHash`.
/// @param threshold Lowest score that is paid, out of SCALE.
/// @param tolerance How far from the median a voter's score may be.
/// @param deadline First second at which nobody commits any more.
/// @param revealPeriod Seconds after the deadline in which models are revealed.
/// @param publishPeriod Seconds after that in which the validation data are published.
/// @param minimumReputation Lowest participation reputation of a worker, out of SCALE.
/// @param maxSubmissions 1 to MAX_SUBMISSIONS.
struct ModelTerms {
    uint96 reward;
    Content description;
    bytes32 validation;
    Metric metric;
    uint32 threshold;
    uint32 tolerance;
    uint40 deadline;
    uint32 revealPeriod;
    uint32 publishPeriod;
    int64 minimumReputation;
    uint8 maxSubmissions;
    PanelTerms panel;
}

/// @notice How a task stands. Bit i of a set is the submission at position i.
/// @param fee What the court's panel costs, in escrow until the validation data are published.
/// @param deadline First second of the reveal period; revealEnd and publishEnd first seconds after theirs.
/// @param committed How many submissions there are.
/// @param revealed Set of those that were revealed in time.
/// @param passed Set of those that share the reward; of a settled task.
/// @param best Position of the best; of a task that was settled by scores with somebody above the threshold.
/// @param caseId Zero before the publication.
struct ModelTask {
    address requester;
    uint256 reward;
    uint256 fee;
    uint256 deadline;
    uint256 revealEnd;
    uint256 publishEnd;
    uint256 threshold;
    uint256 tolerance;
    int256 minimumReputation;
    uint256 maxSubmissions;
    uint256 committed;
    uint256 revealed;
    uint256 passed;
    uint256 best;
    bytes32 validation;
    PanelTerms panel;
    CaseId caseId;
    ModelOutcome outcome;
}

/// @title IModelTasks
/// @notice A requester pays strangers for the best model; a panel measures. (SPEC MT) [metaaicm Algorithm 4.1]
/// @dev Lifecycle: create; commit, until the deadline; reveal; publish; the court's case; settle; claim, for each worker.
///
/// All money is MarketToken: the court's fee and the deposits are so in any case, and with one asset that calls nobody
/// (TK-1) no payment can fail, so that settling and claiming need no credit. Who owns something else swaps it first.
/// Trust: the code of the court, the ledger and the token. Nobody has power over a task but by its terms.
interface IModelTasks {
    // ------------------------------------------------------------------ errors

    error UnknownTask(ModelTaskId task);
    /// @notice The terms are outside what a task can be; `what` names the one.
    error InvalidTerms(string what);
    /// @notice The ledger does not let this contract record.
    error LedgerRefuses();
    error NotRequester(ModelTaskId task, address sender);
    /// @notice It is `time`, and this can be done in [from, until).
    error NotTheTime(ModelTaskId task, uint256 from, uint256 until, uint256 time);
    error ReputationTooLow(address worker, int256 score, int256 needed);
    /// @notice The requester does not work for itself.
    error OwnTask(ModelTaskId task);
    error AlreadyCommitted(ModelTaskId task, address worker);
    error TaskIsFull(ModelTaskId task, uint256 maximum);
    /// @notice The worker has not committed, or has been paid.
    error NotCommitted(ModelTaskId task, address worker);
    /// @notice Model and salt are not what the worker committed.
    error WrongReveal(ModelTaskId task, address worker);
    error AlreadyRevealed(ModelTaskId task, address worker);
    /// @notice The data are not those of the task's creation.
    error WrongValidation(ModelTaskId task);
    error AlreadyPublished(ModelTaskId task, CaseId caseId);
    /// @notice There is nothing to evaluate.
    error NothingRevealed(ModelTaskId task);
    /// @notice The court has not ruled.
    error NotRuled(ModelTaskId task, CaseId caseId);
    /// @notice The scores are not those of the ruling.
    error WrongScores(ModelTaskId task, bytes32 actual, bytes32 ruled);
    error AlreadySettled(ModelTaskId task);
    error NotSettled(ModelTaskId task);

    // ------------------------------------------------------------------ events

    /// @notice Reward and fee are in escrow.
    event ModelTaskCreated(ModelTaskId indexed task, address indexed requester, uint256 fee, ModelTerms terms);
    /// @notice A worker committed to a model; its score will be the entry at `position`.
    event ModelCommitted(ModelTaskId indexed task, address indexed worker, uint256 position, bytes32 commitment);
    /// @notice The model can be fetched from now on.
    event ModelRevealed(ModelTaskId indexed task, address indexed worker, uint256 position, Content model);
    /// @notice The panel of the case evaluates the revealed models on these data.
    /// @param entries Entries of its score vector: submissions, revealed or not.
    event ValidationPublished(
        ModelTaskId indexed task, CaseId indexed caseId, Content validation, bytes32 salt, uint256 entries
    );
    /// @notice What each gets is fixed.
    /// @param sharing Set of the submissions that share the reward.
    /// @param best Position of the best, if by scores.
    /// @param refund What went back to the requester, forfeited deposits included.
    event ModelTaskSettled(
        ModelTaskId indexed task, ModelOutcome indexed outcome, uint256 sharing, uint256 best, uint256 refund
    );
    /// @notice A worker was paid `amount`, of which SUBMISSION_DEPOSIT was its own, or nothing.
    event SubmissionClaimed(ModelTaskId indexed task, address indexed worker, uint256 amount);

    // ------------------------------------------------------------------ actions

    /// @notice Put reward and fee into escrow. (SPEC MT-1)
    function create(ModelTerms calldata terms) external returns (ModelTaskId task);

    /// @notice Commit to a model, with SUBMISSION_DEPOSIT. (SPEC MT-2)
    /// @param commitment EIP-712 digest of Submission(task, sender, model, salt).
    /// @return position In the order of commitments, from 0.
    function commit(ModelTaskId task, bytes32 commitment) external returns (uint256 position);

    /// @notice Show what the sender committed to. (SPEC MT-2)
    function reveal(ModelTaskId task, Content calldata model, bytes32 salt) external;

    /// @notice Show the validation data and ask the court; before the end of the reveal period only if everybody has
    /// revealed. By the requester. (SPEC MT-3)
    function publish(ModelTaskId task, Content calldata validation, bytes32 salt) external returns (CaseId caseId);

    /// @notice Fix what each gets and give the requester what is left. By anybody, once. (SPEC MT-5, MT-6)
    /// @param scores The medians of the court's ruling; without scores in it anything.
    function settle(ModelTaskId task, Scores calldata scores) external;

    /// @notice Pay a worker, and record its participation. By anybody, once for each worker. (SPEC MT-6)
    function claim(ModelTaskId task, address worker) external returns (uint256 amount);

    // ------------------------------------------------------------------ views

    function taskOf(ModelTaskId task) external view returns (ModelTask memory);

    /// @notice Position and what is kept of the commitment: its first 31 bytes. Reverts for who has not committed, or has
    /// been paid.
    function submissionOf(ModelTaskId task, address worker) external view returns (uint256 position, bytes31 commitment);

    /// @notice What `claim` would pay now. Reverts as `submissionOf` does.
    function claimable(ModelTaskId task, address worker) external view returns (uint256 amount);

    /// @notice What a requester commits to. (SPEC MT-1)
    function validationHash(Content calldata validation, bytes32 salt) external pure returns (bytes32);

    /// @notice Digest of the evidence of the task's case. (SPEC MT-4)
    function evidenceOf(ModelTaskId task) external view returns (bytes32);

    function taskCount() external view returns (uint256);
    function COURT() external view returns (IOracleCourt);
    function LEDGER() external view returns (IReputationLedger);
    function MARKET_TOKEN() external view returns (IMarketToken);
    /// @notice Bounds of the reveal and the publish period, and the longest time to the deadline, in seconds.
    function MIN_PERIOD() external view returns (uint256);
    function MAX_PERIOD() external view returns (uint256);
}

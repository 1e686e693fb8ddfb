// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CompressedG1, G1Point} from "../contracts/crypto/BLS12381.sol";
import {DeliveryState} from "../contracts/protocol/Enums.sol";
import {DeliveryProofs} from "../contracts/tasks/DeliveryProofs.sol";
import {IMarketToken} from "./IMarketToken.sol";
import {Content, PanelTerms} from "./IModelTasks.sol";
import {CaseId, ICourtClient, IOracleCourt} from "./IOracleCourt.sol";
import {IParticipantRegistry} from "./IParticipantRegistry.sol";
import {IReputationLedger} from "./IReputationLedger.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "./ISealing.sol";

/// @notice Number of a data task, from 1 in the order of creation.
type DataTaskId is uint256;

/// @notice What a requester asks for. (SPEC DT-1)
/// @param reward Θ, in MarketToken.
/// @param compensation α, in MarketToken: not below the reward, so that marking everybody dishonest does not pay.
/// @param schema The features that the data must have, a JSON document.
/// @param deadline First second at which nobody delivers any more.
/// @param judgingPeriod Seconds after the deadline in which deliveries are judged.
/// @param disputePeriod Seconds after the judgement in which the marked may dispute.
/// @param minimumReputation Lowest participation reputation of a worker, out of SCALE.
/// @param maxDeliveries 1 to MAX_SUBMISSIONS.
struct DataTerms {
    uint128 reward;
    uint128 compensation;
    Content schema;
    uint40 deadline;
    uint32 judgingPeriod;
    uint32 disputePeriod;
    int64 minimumReputation;
    uint8 maxDeliveries;
    PanelTerms panel;
}

/// @notice How a task stands.
/// @param fee What the court asks for one dispute.
/// @param receiver Hash of the decryption key that deliveries are masked for.
/// @param judgingEnd First second after the judging period, which the judgement ends early.
/// @param disputeEnd First second at which nobody disputes any more.
/// @param delivered How many deliveries there are.
/// @param honest How many of them share the reward, as things stand.
/// @param marked How many are marked dishonest and have not disputed.
/// @param disputed How many disputes the court has not ruled or nobody resolved.
/// @param won How many disputes were won.
/// @param security What the requester put aside for the court's fees of those that it marked, and has not been paid.
struct DataTask {
    address requester;
    uint256 reward;
    uint256 compensation;
    uint256 fee;
    bytes32 receiver;
    uint256 deadline;
    uint256 judgingEnd;
    uint256 disputeEnd;
    int256 minimumReputation;
    uint256 maxDeliveries;
    uint256 delivered;
    uint256 honest;
    uint256 marked;
    uint256 disputed;
    uint256 won;
    uint256 security;
    PanelTerms panel;
    bool isSettled;
}

/// @notice How a delivery stands.
/// @param position In the order of deliveries, from 0.
/// @param digest First 31 bytes of the hash of what was delivered.
struct DeliveryStatus {
    uint256 position;
    bytes31 digest;
    DeliveryState state;
    bool isClaimed;
}

/// @notice Whose dispute a case is; zero for a case that is none.
struct Dispute {
    DataTaskId task;
    address worker;
}

/// @title IDataTasks
/// @notice A requester pays strangers for data that only it can open; a panel judges what it refuses. (SPEC DT)
/// [metaaicm Algorithm 4.2]
/// @dev Lifecycle: create; deliver, until the deadline; proveWrongKey, proveWrongChunk; judge, or let the judging period pass; dispute,
/// openKey, resolve; settle; claim, for each worker.
///
/// All money is MarketToken, as in IModelTasks. Trust: the code of court, ledger, registry, proofs and token.
interface IDataTasks is ICourtClient {
    // ------------------------------------------------------------------ errors

    error UnknownTask(DataTaskId task);
    /// @notice The terms are outside what a task can be; `what` names the one.
    error InvalidTerms(string what);
    /// @notice The ledger does not let this contract record.
    error LedgerRefuses();
    error NotRequester(DataTaskId task, address sender);
    /// @notice The requester does not work for itself.
    error OwnTask(DataTaskId task);
    /// @notice It is `time`, and this can be done in [from, until).
    error NotTheTime(DataTaskId task, uint256 from, uint256 until, uint256 time);
    error ReputationTooLow(address worker, int256 score, int256 needed);
    error AlreadyDelivered(DataTaskId task, address worker);
    error TaskIsFull(DataTaskId task, uint256 maximum);
    error NotDelivered(DataTaskId task, address worker);
    /// @notice This is not what the worker delivered.
    error WrongDelivery(DataTaskId task, address worker);
    /// @notice A set names positions at which there is no delivery.
    error UnknownPositions(DataTaskId task, uint256 set, uint256 delivered);
    /// @notice The delivery at this position stands otherwise than it must.
    error WrongState(DataTaskId task, uint256 position, DeliveryState state);
    /// @notice The case is no dispute of this contract.
    error NotDispute(CaseId caseId);
    /// @notice The case is not the sender's.
    error NotDisputant(CaseId caseId, address sender);
    /// @notice There is one masked key for each seat of the running round.
    error WrongPanel(CaseId caseId, uint256 keys, uint256 seats);
    error DisputeNotRuled(CaseId caseId);
    /// @notice Somebody may still dispute, or the court has not ruled.
    error DisputesOpen(DataTaskId task, uint256 marked, uint256 disputed);
    error AlreadySettled(DataTaskId task);
    error NotSettled(DataTaskId task);
    error AlreadyClaimed(DataTaskId task, address worker);

    // ------------------------------------------------------------------ events

    /// @notice Reward and compensation are in escrow; keys are masked for `decryptionKey`.
    event DataTaskCreated(
        DataTaskId indexed task, address indexed requester, uint256 fee, CompressedG1 decryptionKey, DataTerms terms
    );
    /// @notice A worker delivered.
    event DataDelivered(
        DataTaskId indexed task, address indexed worker, uint256 position, Sealed sealed_, MaskedKey masked
    );
    /// @notice The delivery has a wrong key, or a wrong chunk: its deposit went to the requester.
    event DeliveryVoided(DataTaskId indexed task, address indexed worker);
    /// @notice The requester claimed what is false: the delivery is honest for good.
    event DeliveryUpheld(DataTaskId indexed task, address indexed worker);
    /// @notice The judging period is over.
    /// @param dishonest Set of the marked: bit i is the delivery at position i.
    /// @param security What was put aside for their disputes.
    event DeliveriesJudged(DataTaskId indexed task, uint256 dishonest, uint256 security);
    /// @notice The court is to rule between 1, honest, and 2, dishonest.
    event DeliveryDisputed(DataTaskId indexed task, address indexed worker, CaseId indexed caseId);
    /// @notice The members of the running round's panel can open the delivery from now on.
    /// @param masked Seat by seat, each for its voter, in the context PanelKey(caseId, voter).
    event KeyOpened(CaseId indexed caseId, G1Point ephemeral, bytes32[] masked);
    /// @notice The court has ruled.
    /// @param costs What was paid to the court, of the requester's security, for those on the worker's side.
    event DisputeResolved(
        DataTaskId indexed task, address indexed worker, CaseId indexed caseId, bool won, uint256 costs
    );
    /// @notice What each gets is fixed.
    /// @param refund What went back to the requester.
    event DataTaskSettled(DataTaskId indexed task, uint256 honest, uint256 won, uint256 refund);
    /// @notice A worker was paid.
    event DeliveryClaimed(DataTaskId indexed task, address indexed worker, uint256 amount);

    // ------------------------------------------------------------------ actions

    /// @notice Put reward and compensation into escrow. By a participant, whose decryption key counts. (SPEC DT-1)
    function create(DataTerms calldata terms) external returns (DataTaskId task);

    /// @notice Deliver, with SUBMISSION_DEPOSIT. (SPEC DT-2)
    /// @param masked The key for the requester, in the context DeliveryKey(task, sender).
    /// @return position In the order of deliveries, from 0.
    function deliver(DataTaskId task, Sealed calldata sealed_, MaskedKey calldata masked)
        external
        returns (uint256 position);

    /// @notice Claim that a delivery's key is not the promised one. By the requester, until it judges. (SPEC DT-4)
    function proveWrongKey(
        DataTaskId task,
        address worker,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point
    ) external;

    /// @notice Claim that a chunk is not the promised one, under the promised key. By the requester, until it judges. (SPEC DT-4)
    function proveWrongChunk(
        DataTaskId task,
        address worker,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point,
        ChunkProof calldata chunk
    ) external;

    /// @notice Say who is dishonest, and so that all others are honest; and put the court's fee aside for each of the
    /// former. By the requester, once, from the deadline to the end of the judging period. (SPEC DT-3)
    /// @param dishonest Set of positions.
    function judge(DataTaskId task, uint256 dishonest) external;

    /// @notice Take being marked dishonest to the court, at its fee. By the worker. (SPEC DT-5)
    function dispute(DataTaskId task) external returns (CaseId caseId);

    /// @notice Hand the key to the panel of the running round. By the worker, once it was drawn; again for each panel.
    /// @param masked Seat by seat, each for its voter's decryption key, in the context PanelKey(caseId, voter).
    function openKey(CaseId caseId, G1Point calldata ephemeral, bytes32[] calldata masked) external;

    /// @notice Take over the court's ruling. By anybody; `onRuling` does the same. (SPEC DT-5)
    function resolve(CaseId caseId) external;

    /// @notice Fix what each gets and give the requester what is left. By anybody, once. (SPEC DT-6)
    function settle(DataTaskId task) external;

    /// @notice Pay a worker. By anybody, once for each worker: the honest after the judging period, the others after
    /// `settle`. (SPEC DT-7)
    function claim(DataTaskId task, address worker) external returns (uint256 amount);

    // ------------------------------------------------------------------ views

    function taskOf(DataTaskId task) external view returns (DataTask memory);

    /// @notice Reverts for who has not delivered.
    function deliveryOf(DataTaskId task, address worker) external view returns (DeliveryStatus memory);

    function disputeOf(CaseId caseId) external view returns (Dispute memory);

    /// @notice What `claim` would pay now.
    function claimable(DataTaskId task, address worker) external view returns (uint256 amount);

    /// @notice Digest of the evidence of a worker's case. (SPEC DT-5)
    function evidenceOf(DataTaskId task, address worker) external view returns (bytes32);

    function taskCount() external view returns (uint256);
    function COURT() external view returns (IOracleCourt);
    function LEDGER() external view returns (IReputationLedger);
    function REGISTRY() external view returns (IParticipantRegistry);
    function PROOFS() external view returns (DeliveryProofs);
    function MARKET_TOKEN() external view returns (IMarketToken);
    /// @notice Bounds of the periods, and the longest time to the deadline, in seconds.
    function MIN_PERIOD() external view returns (uint256);
    function MAX_PERIOD() external view returns (uint256);
}

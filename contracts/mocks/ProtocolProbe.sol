// SPDX-License-Identifier: MIT
// Generated from protocol.toml by `make generate`; do not edit.
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import "../protocol/Constants.sol" as Constants;
import {
    ProductOrigin,
    ChannelPhase,
    Direction,
    LockOutcome,
    LockMode,
    BatchKind,
    BatchSource,
    BatchPhase,
    CaseKind,
    CasePeriod,
    Metric,
    ModelOutcome,
    DeliveryState,
    ListingPhase,
    PurchasePhase,
    SalePhase
} from "../protocol/Enums.sol";
import {
    DOMAIN_NAME,
    DOMAIN_VERSION,
    Messages,
    PurchaseKey,
    DeliveryKey,
    PanelKey,
    KeyPossession,
    Opening,
    State,
    CooperativeClose,
    Withdrawal,
    Cancellation,
    Receipt,
    Session,
    Opinion,
    Request,
    Acknowledgement,
    Announcement,
    Vote,
    Submission,
    ProductOffer,
    LockedOffer
} from "../protocol/Messages.sol";

/// @title ProtocolProbe
/// @notice Shows tests every constant, enum value and message hash as Solidity has them.
contract ProtocolProbe is EIP712(DOMAIN_NAME, DOMAIN_VERSION) {
    function SCALE() external pure returns (uint256) {
        return Constants.SCALE;
    }

    function FEE_UNIT() external pure returns (uint256) {
        return Constants.FEE_UNIT;
    }

    function MAX_FEE_UNITS() external pure returns (uint256) {
        return Constants.MAX_FEE_UNITS;
    }

    function MAX_LOCKS_PER_DIRECTION() external pure returns (uint256) {
        return Constants.MAX_LOCKS_PER_DIRECTION;
    }

    function MAX_LOCKS() external pure returns (uint256) {
        return Constants.MAX_LOCKS;
    }

    function MAX_FUNDS() external pure returns (uint256) {
        return Constants.MAX_FUNDS;
    }

    function MAX_VERSION() external pure returns (uint256) {
        return Constants.MAX_VERSION;
    }

    function ROLE_PROVIDER() external pure returns (uint256) {
        return Constants.ROLE_PROVIDER;
    }

    function ROLE_CLIENT() external pure returns (uint256) {
        return Constants.ROLE_CLIENT;
    }

    function ROLE_COORDINATOR() external pure returns (uint256) {
        return Constants.ROLE_COORDINATOR;
    }

    function ROLE_WATCHER() external pure returns (uint256) {
        return Constants.ROLE_WATCHER;
    }

    function ROLE_VOTER() external pure returns (uint256) {
        return Constants.ROLE_VOTER;
    }

    function ROLE_COMPUTE() external pure returns (uint256) {
        return Constants.ROLE_COMPUTE;
    }

    function ROLE_MASK() external pure returns (uint256) {
        return Constants.ROLE_MASK;
    }

    function MAX_ENDPOINT_BYTES() external pure returns (uint256) {
        return Constants.MAX_ENDPOINT_BYTES;
    }

    function BLS_SIGNATURE_TAG() external pure returns (string memory) {
        return Constants.BLS_SIGNATURE_TAG;
    }

    function BLS_POSSESSION_TAG() external pure returns (string memory) {
        return Constants.BLS_POSSESSION_TAG;
    }

    function TOKEN_SUPPLY() external pure returns (uint256) {
        return Constants.TOKEN_SUPPLY;
    }

    function EMISSION_CAP() external pure returns (uint256) {
        return Constants.EMISSION_CAP;
    }

    function EMISSION_YEAR() external pure returns (uint256) {
        return Constants.EMISSION_YEAR;
    }

    function DECAY() external pure returns (uint256) {
        return Constants.DECAY;
    }

    function MU_FAMILIARITY() external pure returns (uint256) {
        return Constants.MU_FAMILIARITY;
    }

    function MU_FRESHNESS() external pure returns (uint256) {
        return Constants.MU_FRESHNESS;
    }

    function MU_WORTH() external pure returns (uint256) {
        return Constants.MU_WORTH;
    }

    function GAMMA() external pure returns (uint256) {
        return Constants.GAMMA;
    }

    function SENSITIVITY() external pure returns (uint256) {
        return Constants.SENSITIVITY;
    }

    function FINE() external pure returns (uint256) {
        return Constants.FINE;
    }

    function WORTH_ONE() external pure returns (uint256) {
        return Constants.WORTH_ONE;
    }

    function MAX_NONCE_STEP() external pure returns (uint256) {
        return Constants.MAX_NONCE_STEP;
    }

    function SEGMENT_OPINIONS() external pure returns (uint256) {
        return Constants.SEGMENT_OPINIONS;
    }

    function SEGMENT_PROVIDER() external pure returns (uint256) {
        return Constants.SEGMENT_PROVIDER;
    }

    function FOLD_CHUNK() external pure returns (uint256) {
        return Constants.FOLD_CHUNK;
    }

    function LEVY_SHARE() external pure returns (uint256) {
        return Constants.LEVY_SHARE;
    }

    function LEVY_FLAT() external pure returns (uint256) {
        return Constants.LEVY_FLAT;
    }

    function STAKE_UNIT() external pure returns (uint256) {
        return Constants.STAKE_UNIT;
    }

    function SEAT_FEE() external pure returns (uint256) {
        return Constants.SEAT_FEE;
    }

    function SEAT_STAKE() external pure returns (uint256) {
        return Constants.SEAT_STAKE;
    }

    function SEAT_LOSS() external pure returns (uint256) {
        return Constants.SEAT_LOSS;
    }

    function MAX_FIRST_PANEL() external pure returns (uint256) {
        return Constants.MAX_FIRST_PANEL;
    }

    function MAX_APPEALS() external pure returns (uint256) {
        return Constants.MAX_APPEALS;
    }

    function MAX_OPTIONS() external pure returns (uint256) {
        return Constants.MAX_OPTIONS;
    }

    function MAX_SCORES() external pure returns (uint256) {
        return Constants.MAX_SCORES;
    }

    function MAX_TRIES() external pure returns (uint256) {
        return Constants.MAX_TRIES;
    }

    function MAX_NOTE_BYTES() external pure returns (uint256) {
        return Constants.MAX_NOTE_BYTES;
    }

    function CALLBACK_GAS() external pure returns (uint256) {
        return Constants.CALLBACK_GAS;
    }

    function REPUTATION_FLOOR() external pure returns (int256) {
        return Constants.REPUTATION_FLOOR;
    }

    function CHUNK_BYTES() external pure returns (uint256) {
        return Constants.CHUNK_BYTES;
    }

    function MAX_SEALED_BYTES() external pure returns (uint256) {
        return Constants.MAX_SEALED_BYTES;
    }

    function SEAL_MASK_TAG() external pure returns (string memory) {
        return Constants.SEAL_MASK_TAG;
    }

    function SEAL_PROOF_TAG() external pure returns (string memory) {
        return Constants.SEAL_PROOF_TAG;
    }

    function SELLER_PENALTY() external pure returns (uint256) {
        return Constants.SELLER_PENALTY;
    }

    function SUBMISSION_DEPOSIT() external pure returns (uint256) {
        return Constants.SUBMISSION_DEPOSIT;
    }

    function MAX_SUBMISSIONS() external pure returns (uint256) {
        return Constants.MAX_SUBMISSIONS;
    }

    function NO_VALIDATION() external pure returns (uint256) {
        return Constants.NO_VALIDATION;
    }

    function MAX_RATING() external pure returns (uint256) {
        return Constants.MAX_RATING;
    }

    function GOOD_RATING() external pure returns (uint256) {
        return Constants.GOOD_RATING;
    }

    function BAD_RATING() external pure returns (uint256) {
        return Constants.BAD_RATING;
    }

    function ProductOrigin_Absent() external pure returns (ProductOrigin) {
        return ProductOrigin.Absent;
    }

    function ProductOrigin_Registered() external pure returns (ProductOrigin) {
        return ProductOrigin.Registered;
    }

    function ProductOrigin_Claimed() external pure returns (ProductOrigin) {
        return ProductOrigin.Claimed;
    }

    function ProductOrigin_max() external pure returns (ProductOrigin) {
        return type(ProductOrigin).max;
    }

    function ChannelPhase_Absent() external pure returns (ChannelPhase) {
        return ChannelPhase.Absent;
    }

    function ChannelPhase_Open() external pure returns (ChannelPhase) {
        return ChannelPhase.Open;
    }

    function ChannelPhase_Closing() external pure returns (ChannelPhase) {
        return ChannelPhase.Closing;
    }

    function ChannelPhase_Closed() external pure returns (ChannelPhase) {
        return ChannelPhase.Closed;
    }

    function ChannelPhase_max() external pure returns (ChannelPhase) {
        return type(ChannelPhase).max;
    }

    function Direction_Absent() external pure returns (Direction) {
        return Direction.Absent;
    }

    function Direction_ToProvider() external pure returns (Direction) {
        return Direction.ToProvider;
    }

    function Direction_ToClient() external pure returns (Direction) {
        return Direction.ToClient;
    }

    function Direction_max() external pure returns (Direction) {
        return type(Direction).max;
    }

    function LockOutcome_Absent() external pure returns (LockOutcome) {
        return LockOutcome.Absent;
    }

    function LockOutcome_Paid() external pure returns (LockOutcome) {
        return LockOutcome.Paid;
    }

    function LockOutcome_Refunded() external pure returns (LockOutcome) {
        return LockOutcome.Refunded;
    }

    function LockOutcome_max() external pure returns (LockOutcome) {
        return type(LockOutcome).max;
    }

    function LockMode_Absent() external pure returns (LockMode) {
        return LockMode.Absent;
    }

    function LockMode_ClientNumber() external pure returns (LockMode) {
        return LockMode.ClientNumber;
    }

    function LockMode_KeyRelease() external pure returns (LockMode) {
        return LockMode.KeyRelease;
    }

    function LockMode_max() external pure returns (LockMode) {
        return type(LockMode).max;
    }

    function BatchKind_Absent() external pure returns (BatchKind) {
        return BatchKind.Absent;
    }

    function BatchKind_Opinions() external pure returns (BatchKind) {
        return BatchKind.Opinions;
    }

    function BatchKind_Scores() external pure returns (BatchKind) {
        return BatchKind.Scores;
    }

    function BatchKind_max() external pure returns (BatchKind) {
        return type(BatchKind).max;
    }

    function BatchSource_Absent() external pure returns (BatchSource) {
        return BatchSource.Absent;
    }

    function BatchSource_Calldata() external pure returns (BatchSource) {
        return BatchSource.Calldata;
    }

    function BatchSource_Blob() external pure returns (BatchSource) {
        return BatchSource.Blob;
    }

    function BatchSource_max() external pure returns (BatchSource) {
        return type(BatchSource).max;
    }

    function BatchPhase_Absent() external pure returns (BatchPhase) {
        return BatchPhase.Absent;
    }

    function BatchPhase_Posted() external pure returns (BatchPhase) {
        return BatchPhase.Posted;
    }

    function BatchPhase_Final() external pure returns (BatchPhase) {
        return BatchPhase.Final;
    }

    function BatchPhase_Fallen() external pure returns (BatchPhase) {
        return BatchPhase.Fallen;
    }

    function BatchPhase_max() external pure returns (BatchPhase) {
        return type(BatchPhase).max;
    }

    function CaseKind_Absent() external pure returns (CaseKind) {
        return CaseKind.Absent;
    }

    function CaseKind_Choice() external pure returns (CaseKind) {
        return CaseKind.Choice;
    }

    function CaseKind_Scores() external pure returns (CaseKind) {
        return CaseKind.Scores;
    }

    function CaseKind_max() external pure returns (CaseKind) {
        return type(CaseKind).max;
    }

    function CasePeriod_Absent() external pure returns (CasePeriod) {
        return CasePeriod.Absent;
    }

    function CasePeriod_Evidence() external pure returns (CasePeriod) {
        return CasePeriod.Evidence;
    }

    function CasePeriod_Draw() external pure returns (CasePeriod) {
        return CasePeriod.Draw;
    }

    function CasePeriod_Commit() external pure returns (CasePeriod) {
        return CasePeriod.Commit;
    }

    function CasePeriod_Reveal() external pure returns (CasePeriod) {
        return CasePeriod.Reveal;
    }

    function CasePeriod_Appeal() external pure returns (CasePeriod) {
        return CasePeriod.Appeal;
    }

    function CasePeriod_Ruled() external pure returns (CasePeriod) {
        return CasePeriod.Ruled;
    }

    function CasePeriod_max() external pure returns (CasePeriod) {
        return type(CasePeriod).max;
    }

    function Metric_Absent() external pure returns (Metric) {
        return Metric.Absent;
    }

    function Metric_Accuracy() external pure returns (Metric) {
        return Metric.Accuracy;
    }

    function Metric_MacroF1() external pure returns (Metric) {
        return Metric.MacroF1;
    }

    function Metric_Determination() external pure returns (Metric) {
        return Metric.Determination;
    }

    function Metric_max() external pure returns (Metric) {
        return type(Metric).max;
    }

    function ModelOutcome_Absent() external pure returns (ModelOutcome) {
        return ModelOutcome.Absent;
    }

    function ModelOutcome_Empty() external pure returns (ModelOutcome) {
        return ModelOutcome.Empty;
    }

    function ModelOutcome_Unpublished() external pure returns (ModelOutcome) {
        return ModelOutcome.Unpublished;
    }

    function ModelOutcome_Unjudged() external pure returns (ModelOutcome) {
        return ModelOutcome.Unjudged;
    }

    function ModelOutcome_Ranked() external pure returns (ModelOutcome) {
        return ModelOutcome.Ranked;
    }

    function ModelOutcome_max() external pure returns (ModelOutcome) {
        return type(ModelOutcome).max;
    }

    function DeliveryState_Absent() external pure returns (DeliveryState) {
        return DeliveryState.Absent;
    }

    function DeliveryState_Delivered() external pure returns (DeliveryState) {
        return DeliveryState.Delivered;
    }

    function DeliveryState_Honest() external pure returns (DeliveryState) {
        return DeliveryState.Honest;
    }

    function DeliveryState_Dishonest() external pure returns (DeliveryState) {
        return DeliveryState.Dishonest;
    }

    function DeliveryState_Disputed() external pure returns (DeliveryState) {
        return DeliveryState.Disputed;
    }

    function DeliveryState_Vindicated() external pure returns (DeliveryState) {
        return DeliveryState.Vindicated;
    }

    function DeliveryState_Condemned() external pure returns (DeliveryState) {
        return DeliveryState.Condemned;
    }

    function DeliveryState_Void() external pure returns (DeliveryState) {
        return DeliveryState.Void;
    }

    function DeliveryState_max() external pure returns (DeliveryState) {
        return type(DeliveryState).max;
    }

    function ListingPhase_Absent() external pure returns (ListingPhase) {
        return ListingPhase.Absent;
    }

    function ListingPhase_Listed() external pure returns (ListingPhase) {
        return ListingPhase.Listed;
    }

    function ListingPhase_Withdrawn() external pure returns (ListingPhase) {
        return ListingPhase.Withdrawn;
    }

    function ListingPhase_max() external pure returns (ListingPhase) {
        return type(ListingPhase).max;
    }

    function PurchasePhase_Absent() external pure returns (PurchasePhase) {
        return PurchasePhase.Absent;
    }

    function PurchasePhase_Bought() external pure returns (PurchasePhase) {
        return PurchasePhase.Bought;
    }

    function PurchasePhase_Delivered() external pure returns (PurchasePhase) {
        return PurchasePhase.Delivered;
    }

    function PurchasePhase_Disputed() external pure returns (PurchasePhase) {
        return PurchasePhase.Disputed;
    }

    function PurchasePhase_Paid() external pure returns (PurchasePhase) {
        return PurchasePhase.Paid;
    }

    function PurchasePhase_Refunded() external pure returns (PurchasePhase) {
        return PurchasePhase.Refunded;
    }

    function PurchasePhase_Rated() external pure returns (PurchasePhase) {
        return PurchasePhase.Rated;
    }

    function PurchasePhase_max() external pure returns (PurchasePhase) {
        return type(PurchasePhase).max;
    }

    function SalePhase_Absent() external pure returns (SalePhase) {
        return SalePhase.Absent;
    }

    function SalePhase_Locked() external pure returns (SalePhase) {
        return SalePhase.Locked;
    }

    function SalePhase_Sold() external pure returns (SalePhase) {
        return SalePhase.Sold;
    }

    function SalePhase_Returned() external pure returns (SalePhase) {
        return SalePhase.Returned;
    }

    function SalePhase_max() external pure returns (SalePhase) {
        return type(SalePhase).max;
    }

    function typehashPurchaseKey() external pure returns (bytes32) {
        return Messages.PURCHASE_KEY_TYPEHASH;
    }

    function encodePurchaseKey(PurchaseKey calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashPurchaseKey(PurchaseKey calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestPurchaseKey(PurchaseKey calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashDeliveryKey() external pure returns (bytes32) {
        return Messages.DELIVERY_KEY_TYPEHASH;
    }

    function encodeDeliveryKey(DeliveryKey calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashDeliveryKey(DeliveryKey calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestDeliveryKey(DeliveryKey calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashPanelKey() external pure returns (bytes32) {
        return Messages.PANEL_KEY_TYPEHASH;
    }

    function encodePanelKey(PanelKey calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashPanelKey(PanelKey calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestPanelKey(PanelKey calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashKeyPossession() external pure returns (bytes32) {
        return Messages.KEY_POSSESSION_TYPEHASH;
    }

    function encodeKeyPossession(KeyPossession calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashKeyPossession(KeyPossession calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestKeyPossession(KeyPossession calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashOpening() external pure returns (bytes32) {
        return Messages.OPENING_TYPEHASH;
    }

    function encodeOpening(Opening calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashOpening(Opening calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestOpening(Opening calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashState() external pure returns (bytes32) {
        return Messages.STATE_TYPEHASH;
    }

    function encodeState(State calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashState(State calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestState(State calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashCooperativeClose() external pure returns (bytes32) {
        return Messages.COOPERATIVE_CLOSE_TYPEHASH;
    }

    function encodeCooperativeClose(CooperativeClose calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashCooperativeClose(CooperativeClose calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestCooperativeClose(CooperativeClose calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashWithdrawal() external pure returns (bytes32) {
        return Messages.WITHDRAWAL_TYPEHASH;
    }

    function encodeWithdrawal(Withdrawal calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashWithdrawal(Withdrawal calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestWithdrawal(Withdrawal calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashCancellation() external pure returns (bytes32) {
        return Messages.CANCELLATION_TYPEHASH;
    }

    function encodeCancellation(Cancellation calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashCancellation(Cancellation calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestCancellation(Cancellation calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashReceipt() external pure returns (bytes32) {
        return Messages.RECEIPT_TYPEHASH;
    }

    function encodeReceipt(Receipt calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashReceipt(Receipt calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestReceipt(Receipt calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashSession() external pure returns (bytes32) {
        return Messages.SESSION_TYPEHASH;
    }

    function encodeSession(Session calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashSession(Session calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestSession(Session calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashOpinion() external pure returns (bytes32) {
        return Messages.OPINION_TYPEHASH;
    }

    function encodeOpinion(Opinion calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashOpinion(Opinion calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestOpinion(Opinion calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashRequest() external pure returns (bytes32) {
        return Messages.REQUEST_TYPEHASH;
    }

    function encodeRequest(Request calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashRequest(Request calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestRequest(Request calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashAcknowledgement() external pure returns (bytes32) {
        return Messages.ACKNOWLEDGEMENT_TYPEHASH;
    }

    function encodeAcknowledgement(Acknowledgement calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashAcknowledgement(Acknowledgement calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestAcknowledgement(Acknowledgement calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashAnnouncement() external pure returns (bytes32) {
        return Messages.ANNOUNCEMENT_TYPEHASH;
    }

    function encodeAnnouncement(Announcement calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashAnnouncement(Announcement calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestAnnouncement(Announcement calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashVote() external pure returns (bytes32) {
        return Messages.VOTE_TYPEHASH;
    }

    function encodeVote(Vote calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashVote(Vote calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestVote(Vote calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashSubmission() external pure returns (bytes32) {
        return Messages.SUBMISSION_TYPEHASH;
    }

    function encodeSubmission(Submission calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashSubmission(Submission calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestSubmission(Submission calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashProductOffer() external pure returns (bytes32) {
        return Messages.PRODUCT_OFFER_TYPEHASH;
    }

    function encodeProductOffer(ProductOffer calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashProductOffer(ProductOffer calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestProductOffer(ProductOffer calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }

    function typehashLockedOffer() external pure returns (bytes32) {
        return Messages.LOCKED_OFFER_TYPEHASH;
    }

    function encodeLockedOffer(LockedOffer calldata message) external pure returns (bytes memory) {
        return abi.encode(message);
    }

    function hashLockedOffer(LockedOffer calldata message) external pure returns (bytes32) {
        return Messages.hash(message);
    }

    function digestLockedOffer(LockedOffer calldata message) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hash(message));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IChannelHub} from "../../interfaces/IChannelHub.sol";
import {
    IMarketplace,
    Listing,
    ListingId,
    ListingTerms,
    MarketSettings,
    Purchase,
    PurchaseId,
    PurchaseTerms
} from "../../interfaces/IMarketplace.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {PanelTerms} from "../../interfaces/IModelTasks.sol";
import {CaseId, CaseTerms, IOracleCourt, Ruling} from "../../interfaces/IOracleCourt.sol";
import {IParticipantRegistry, ParticipantId} from "../../interfaces/IParticipantRegistry.sol";
import {IReputationLedger} from "../../interfaces/IReputationLedger.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {CompressedG1, G1Point} from "../crypto/BLS12381.sol";
import {BAD_RATING, GOOD_RATING, MAX_FIRST_PANEL, MAX_RATING, SCALE, SELLER_PENALTY} from "../protocol/Constants.sol";
import {CaseKind, ListingPhase, PurchasePhase} from "../protocol/Enums.sol";
import {Messages, PurchaseKey} from "../protocol/Messages.sol";
import {Escrow} from "./Escrow.sol";
import {Sealing} from "./Sealing.sol";

/// @title Marketplace
/// @notice Finished models and data for funds: sealed content against escrow, and proofs against lies.
/// @dev Lifecycle, trust and assumptions stand in IMarketplace. Invariants: MK-I1 to MK-I4.
///
/// A purchase takes one word of storage, written once and changed twice, which is what makes one cost less than
/// 200,000 gas from buying to being paid. (benchmarks/market_gas.json)
contract Marketplace is IMarketplace, Escrow {
    using Messages for PurchaseKey;
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;

    /// @dev Options of a case about quality. (SPEC MK-5)
    uint16 private constant _OPTIONS = 2;
    uint16 private constant _BUYER_WINS = 1;
    uint16 private constant _SELLER_WINS = 2;

    /// @param bound Delivered: the first bytes of the hash of what was delivered. The seller chose that and the buyer
    /// shows it, so neither gains by two that share them, and 26 bytes are enough. Disputed: the case.
    struct PurchaseRecord {
        PurchasePhase phase;
        uint40 deadline;
        bytes26 bound;
    }

    struct Ratings {
        uint128 sum;
        uint128 count;
    }

    /// @inheritdoc IMarketplace
    IChannelHub public immutable HUB;
    /// @inheritdoc IMarketplace
    IParticipantRegistry public immutable REGISTRY;
    /// @inheritdoc IMarketplace
    IReputationLedger public immutable LEDGER;
    /// @inheritdoc IMarketplace
    IOracleCourt public immutable COURT;

    IMarketToken private immutable _MARKET_TOKEN;
    /// @inheritdoc IMarketplace
    uint256 public immutable DELIVERY_PERIOD;
    /// @inheritdoc IMarketplace
    uint256 public immutable CHALLENGE_PERIOD;

    PanelTerms private _panel;
    mapping(ListingId id => Listing) private _listings;
    mapping(PurchaseId id => PurchaseRecord) private _purchases;
    mapping(address seller => Ratings) private _ratings;

    constructor(
        IChannelHub hub,
        IParticipantRegistry registry,
        IReputationLedger ledger,
        IOracleCourt court,
        MarketSettings memory settings
    ) {
        (HUB, REGISTRY, LEDGER, COURT) = (hub, registry, ledger, court);
        uint256 open = uint256(settings.deliveryPeriod) + settings.challengePeriod;
        require(registry.UNBONDING_PERIOD() > open, UnbondingTooShort(registry.UNBONDING_PERIOD(), open));
        PanelTerms memory panel = settings.panel;
        if (panel.seats % 2 == 0) revert InvalidPanelTerms(panel.seats, 1, MAX_FIRST_PANEL);
        _requireWithin(panel.seats, 1, MAX_FIRST_PANEL);
        _requireWithin(panel.commitPeriod, court.MIN_PERIOD(), court.MAX_PERIOD());
        _requireWithin(panel.revealPeriod, court.MIN_PERIOD(), court.MAX_PERIOD());
        _requireWithin(panel.appealPeriod, court.MIN_PERIOD(), court.MAX_PERIOD());
        _MARKET_TOKEN = registry.MARKET_TOKEN();
        DELIVERY_PERIOD = settings.deliveryPeriod;
        CHALLENGE_PERIOD = settings.challengePeriod;
        _panel = panel;
    }

    // ------------------------------------------------------------------ listings

    /// @inheritdoc IMarketplace
    function publish(ListingTerms calldata terms, uint256 price) external returns (ListingId id) {
        _requireSeller(terms.seller);
        require(terms.token == _NATIVE || HUB.isAllowed(terms.token), TokenNotListed(terms.token));
        Sealing.requireSound(terms.goods);
        _requireBonded(terms.seller);
        id = _idOf(terms);
        ListingPhase phase = _listings[id].phase;
        require(phase == ListingPhase.Absent, ListingKnown(id, phase));
        _listings[id] = Listing({
            seller: terms.seller,
            phase: ListingPhase.Listed,
            ratingSum: 0,
            ratingCount: 0,
            token: terms.token,
            price: _checked(price)
        });
        emit ListingPublished(id, terms.seller, terms, price);
    }

    /// @inheritdoc IMarketplace
    function setPrice(ListingId id, uint256 price) external {
        _ownListing(id).price = _checked(price);
        emit ListingPriceChanged(id, price);
    }

    /// @inheritdoc IMarketplace
    function withdrawListing(ListingId id) external {
        _ownListing(id).phase = ListingPhase.Withdrawn;
        emit ListingWithdrawn(id);
    }

    // ------------------------------------------------------------------ purchases

    /// @inheritdoc IMarketplace
    function buy(ListingId listingId, uint256 price, uint64 salt)
        external
        payable
        nonReentrant
        returns (PurchaseId id)
    {
        Listing memory listing = _listedOf(listingId);
        require(listing.price == price, PriceChangedTo(listingId, listing.price, price));
        require(msg.sender != listing.seller, SelfPurchase(msg.sender));
        _requireBonded(listing.seller);
        CompressedG1 memory key = REGISTRY.decryptionKeyOf(msg.sender);
        id = PurchaseId.wrap(
            keccak256(
                abi.encode(
                    PurchaseTerms({
                        listing: listingId,
                        seller: listing.seller,
                        buyer: msg.sender,
                        token: listing.token,
                        price: price,
                        receiver: Sealing.receiverOf(key),
                        salt: salt
                    })
                )
            )
        );
        require(_purchases[id].phase == PurchasePhase.Absent, PurchaseKnown(id));
        _purchases[id] = PurchaseRecord(PurchasePhase.Bought, _after(DELIVERY_PERIOD), 0);
        emit PurchaseMade(id, listing.seller, msg.sender, listingId, listing.token, price, key, salt);
        _take(listing.token, price);
    }

    /// @inheritdoc IMarketplace
    function deliver(PurchaseTerms calldata terms, MaskedKey calldata key) external {
        _requireSeller(terms.seller);
        (PurchaseId id, PurchaseRecord memory purchase) = _purchaseOf(terms, PurchasePhase.Bought);
        require(block.timestamp <= purchase.deadline, DeadlinePassed(id, purchase.deadline, block.timestamp));
        Sealing.requireSound(key);
        _purchases[id] = PurchaseRecord(PurchasePhase.Delivered, _after(CHALLENGE_PERIOD), _hashOf(key));
        emit KeyDelivered(id, key);
    }

    /// @inheritdoc IMarketplace
    function refund(PurchaseTerms calldata terms) external {
        (PurchaseId id, PurchaseRecord memory purchase) = _purchaseOf(terms, PurchasePhase.Bought);
        require(
            block.timestamp > purchase.deadline || msg.sender == terms.seller,
            DeadlineNotPassed(id, purchase.deadline, block.timestamp)
        );
        _refund(id, terms);
    }

    /// @inheritdoc IMarketplace
    function finalise(PurchaseTerms calldata terms) external {
        (PurchaseId id, PurchaseRecord memory purchase) = _purchaseOf(terms, PurchasePhase.Delivered);
        require(
            block.timestamp > purchase.deadline || msg.sender == terms.buyer,
            DeadlineNotPassed(id, purchase.deadline, block.timestamp)
        );
        _pay(id, terms);
    }

    // ------------------------------------------------------------------ objections

    /// @inheritdoc IMarketplace
    function claimWrongKey(
        ListingTerms calldata listing,
        PurchaseTerms calldata terms,
        MaskedKey calldata masked,
        SharedPoint calldata point
    ) external {
        (PurchaseId id, bytes32 key) = _unmask(listing, terms, masked, point);
        if (!_refundIfWrong(id, listing, terms, key)) _payForFalseClaim(id, terms, key);
    }

    /// @inheritdoc IMarketplace
    function claimWrongChunk(
        ListingTerms calldata listing,
        PurchaseTerms calldata terms,
        MaskedKey calldata masked,
        SharedPoint calldata point,
        ChunkProof calldata proof
    ) external {
        (PurchaseId id, bytes32 key) = _unmask(listing, terms, masked, point);
        if (_refundIfWrong(id, listing, terms, key)) return;
        if (Sealing.isWrongChunk(listing.goods, key, proof)) {
            emit WrongChunkProven(id, proof.position);
            _punishSeller(id, terms);
        } else {
            _payForFalseClaim(id, terms, key);
        }
    }

    /// @inheritdoc IMarketplace
    function dispute(PurchaseTerms calldata terms) external returns (CaseId case_) {
        (PurchaseId id,) = _objectionOf(terms);
        PanelTerms memory panel = _panel;
        uint256 fee = COURT.feeOf(panel.seats);
        _MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), fee);
        _MARKET_TOKEN.forceApprove(address(COURT), fee);
        case_ = COURT.open(
            CaseTerms({
                kind: CaseKind.Choice,
                seats: panel.seats,
                size: _OPTIONS,
                standard: _SELLER_WINS,
                tolerance: 0,
                side: _BUYER_WINS,
                evidencePeriod: 0,
                commitPeriod: panel.commitPeriod,
                revealPeriod: panel.revealPeriod,
                appealPeriod: panel.appealPeriod,
                evidence: PurchaseId.unwrap(id)
            }),
            terms.buyer
        );
        _purchases[id] = PurchaseRecord(PurchasePhase.Disputed, 0, bytes26(CaseId.unwrap(case_).toUint208()));
        emit PurchaseDisputed(id, case_);
        REGISTRY.hold(_participant(terms.seller));
        REGISTRY.hold(_participant(terms.buyer));
    }

    /// @inheritdoc IMarketplace
    function openKey(PurchaseTerms calldata terms, G1Point calldata ephemeral, bytes32[] calldata masked) external {
        (PurchaseId id, PurchaseRecord memory purchase) = _purchaseOf(terms, PurchasePhase.Disputed);
        require(msg.sender == terms.buyer || msg.sender == terms.seller, NotPartyToPurchase(id, msg.sender));
        CaseId case_ = _caseOf(purchase);
        uint256 seats = COURT.panelOf(case_).length;
        require(seats != 0 && masked.length == seats, UnevenPanel(case_, masked.length, seats));
        emit KeyOpened(case_, ephemeral, masked);
    }

    /// @inheritdoc IMarketplace
    function resolve(PurchaseTerms calldata terms) external {
        (PurchaseId id, PurchaseRecord memory purchase) = _purchaseOf(terms, PurchasePhase.Disputed);
        CaseId case_ = _caseOf(purchase);
        Ruling memory ruling = COURT.rulingOf(case_);
        require(ruling.isFinal, NotRuled(id, case_));
        bool buyerWins = ruling.choice == _BUYER_WINS;
        if (buyerWins) _refund(id, terms);
        else _pay(id, terms);
        (address winner, address loser) = buyerWins ? (terms.buyer, terms.seller) : (terms.seller, terms.buyer);
        _penalise(loser);
        REGISTRY.release(_participant(winner));
        ParticipantId owing = _participant(loser);
        REGISTRY.release(owing);
        _payCosts(case_, owing, ruling.costs);
    }

    // ------------------------------------------------------------------ ratings

    /// @inheritdoc IMarketplace
    function rate(PurchaseTerms calldata terms, uint256 rating) external {
        (PurchaseId id,) = _purchaseOf(terms, PurchasePhase.Paid);
        require(msg.sender == terms.buyer, NotBuyer(terms.buyer, msg.sender));
        require(rating <= MAX_RATING, InvalidRating(rating, MAX_RATING));
        _purchases[id].phase = PurchasePhase.Rated;
        unchecked {
            // Counts what takes a purchase each: 2^40 / 10 of them are out of reach.
            Listing storage listing = _listings[terms.listing];
            (listing.ratingSum, listing.ratingCount) = (listing.ratingSum + uint40(rating), listing.ratingCount + 1);
            Ratings memory ratings = _ratings[terms.seller];
            _ratings[terms.seller] = Ratings(ratings.sum + uint128(rating), ratings.count + 1);
        }
        emit PurchaseRated(id, terms.listing, rating);
        if (rating >= GOOD_RATING) LEDGER.reward(terms.seller);
        else if (rating <= BAD_RATING) _penalise(terms.seller);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IMarketplace
    function listingOf(ListingId id) external view returns (Listing memory) {
        return _listings[id];
    }

    /// @inheritdoc IMarketplace
    function purchaseOf(PurchaseId id) external view returns (Purchase memory) {
        PurchaseRecord memory purchase = _purchases[id];
        CaseId case_ = purchase.phase == PurchasePhase.Disputed ? _caseOf(purchase) : CaseId.wrap(0);
        return Purchase(purchase.phase, purchase.deadline, case_);
    }

    /// @inheritdoc IMarketplace
    function ratingsOf(address seller) external view returns (uint256 sum, uint256 count) {
        Ratings memory ratings = _ratings[seller];
        return (ratings.sum, ratings.count);
    }

    /// @inheritdoc IMarketplace
    function contextOf(PurchaseId id) public view returns (bytes32) {
        return Sealing.contextOf(PurchaseKey(PurchaseId.unwrap(id)).hash());
    }

    /// @inheritdoc IMarketplace
    function panelTerms() external view returns (PanelTerms memory) {
        return _panel;
    }

    // ------------------------------------------------------------------ internals

    /// @dev The key that was delivered, by the buyer's proof, while it may object.
    function _unmask(
        ListingTerms calldata listing,
        PurchaseTerms calldata terms,
        MaskedKey calldata masked,
        SharedPoint calldata point
    ) private view returns (PurchaseId id, bytes32 key) {
        bytes26 delivered;
        (id, delivered) = _objectionOf(terms);
        ListingId listingId = _idOf(listing);
        require(
            ListingId.unwrap(listingId) == ListingId.unwrap(terms.listing), WrongListing(id, terms.listing, listingId)
        );
        require(_hashOf(masked) == delivered, NotDelivered(id));
        key = Sealing.unmask(contextOf(id), terms.receiver, masked, point);
    }

    function _refundIfWrong(PurchaseId id, ListingTerms calldata listing, PurchaseTerms calldata terms, bytes32 key)
        private
        returns (bool isWrong)
    {
        isWrong = Sealing.isWrongKey(listing.goods, key);
        if (isWrong) {
            emit WrongKeyProven(id, key);
            _punishSeller(id, terms);
        }
    }

    /// @dev All of the penalty is burnt: a seller that accuses itself through another account wins nothing back.
    function _punishSeller(PurchaseId id, PurchaseTerms calldata terms) private {
        _close(id, PurchasePhase.Refunded);
        emit PurchaseRefunded(id);
        _penalise(terms.seller);
        REGISTRY.slash(_participant(terms.seller), SELLER_PENALTY, SCALE, address(0));
        _giveBack(terms.token, terms.price);
    }

    function _payForFalseClaim(PurchaseId id, PurchaseTerms calldata terms, bytes32 key) private {
        emit FalseClaimMade(id, key);
        _pay(id, terms);
        _penalise(terms.buyer);
    }

    function _pay(PurchaseId id, PurchaseTerms calldata terms) private {
        _close(id, PurchasePhase.Paid);
        emit PurchasePaid(id);
        _owe(terms.token, terms.seller, terms.price);
        LEDGER.participate(terms.buyer, terms.seller);
    }

    function _refund(PurchaseId id, PurchaseTerms calldata terms) private {
        _close(id, PurchasePhase.Refunded);
        emit PurchaseRefunded(id);
        _owe(terms.token, terms.buyer, terms.price);
    }

    function _close(PurchaseId id, PurchasePhase phase) private {
        _purchases[id] = PurchaseRecord(phase, 0, 0);
    }

    /// @dev Takes from the loser's bond what the winning side paid for rounds, as far as it goes.
    function _payCosts(CaseId case_, ParticipantId loser, uint256 costs) private {
        if (costs == 0) return;
        uint256 taken = REGISTRY.slash(loser, costs, 0, address(this));
        if (taken == 0) return;
        _MARKET_TOKEN.forceApprove(address(COURT), taken);
        COURT.payCosts(case_, taken);
    }

    function _penalise(address account) private {
        LEDGER.penalise(account);
    }

    function _participant(address account) private view returns (ParticipantId) {
        return REGISTRY.idOf(account);
    }

    function _requireBonded(address seller) private view {
        uint256 bond = REGISTRY.bondOfAccount(seller);
        require(bond >= SELLER_PENALTY, SellerNotBonded(seller, bond, SELLER_PENALTY));
    }

    function _listedOf(ListingId id) private view returns (Listing storage listing) {
        listing = _listings[id];
        require(listing.phase == ListingPhase.Listed, NotListed(id, listing.phase));
    }

    function _ownListing(ListingId id) private view returns (Listing storage listing) {
        listing = _listedOf(id);
        _requireSeller(listing.seller);
    }

    function _requireSeller(address seller) private view {
        require(msg.sender == seller, NotSeller(seller, msg.sender));
    }

    function _purchaseOf(PurchaseTerms calldata terms, PurchasePhase needed)
        private
        view
        returns (PurchaseId id, PurchaseRecord memory purchase)
    {
        id = PurchaseId.wrap(keccak256(abi.encode(terms)));
        purchase = _purchases[id];
        require(purchase.phase == needed, WrongPhase(id, purchase.phase, needed));
    }

    /// @dev A delivered purchase to which its buyer, the caller, may still object; and what was delivered.
    function _objectionOf(PurchaseTerms calldata terms) private view returns (PurchaseId id, bytes26 delivered) {
        require(msg.sender == terms.buyer, NotBuyer(terms.buyer, msg.sender));
        PurchaseRecord memory purchase;
        (id, purchase) = _purchaseOf(terms, PurchasePhase.Delivered);
        require(block.timestamp <= purchase.deadline, DeadlinePassed(id, purchase.deadline, block.timestamp));
        delivered = purchase.bound;
    }

    /// @dev Both periods have 32 bits, so that the sum has 40 for 30,000 years.
    function _after(uint256 period) private view returns (uint40) {
        unchecked {
            return uint40(block.timestamp + period);
        }
    }

    function _caseOf(PurchaseRecord memory purchase) private pure returns (CaseId) {
        return CaseId.wrap(uint208(purchase.bound));
    }

    function _idOf(ListingTerms calldata terms) private pure returns (ListingId) {
        return ListingId.wrap(keccak256(abi.encode(terms)));
    }

    function _hashOf(MaskedKey calldata key) private pure returns (bytes26) {
        return bytes26(keccak256(abi.encode(key)));
    }

    function _requireWithin(uint256 value, uint256 minimum, uint256 maximum) private pure {
        require(value >= minimum && value <= maximum, InvalidPanelTerms(value, minimum, maximum));
    }

    function _checked(uint256 price) private pure returns (uint96) {
        require(price <= type(uint96).max, PriceTooHigh(price, type(uint96).max));
        return uint96(price);
    }
}

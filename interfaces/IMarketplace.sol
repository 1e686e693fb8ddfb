// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CompressedG1, G1Point} from "../contracts/crypto/BLS12381.sol";
import {ListingPhase, PurchasePhase} from "../contracts/protocol/Enums.sol";
import {IChannelHub} from "./IChannelHub.sol";
import {IEscrow} from "./IEscrow.sol";
import {PanelTerms} from "./IModelTasks.sol";
import {CaseId, IOracleCourt} from "./IOracleCourt.sol";
import {IParticipantRegistry} from "./IParticipantRegistry.sol";
import {IReputationLedger} from "./IReputationLedger.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "./ISealing.sol";

/// @notice keccak256(abi.encode(ListingTerms)): shows by itself what is for sale and whose it is.
type ListingId is bytes32;

/// @notice keccak256(abi.encode(PurchaseTerms)): shows by itself who bought what from whom, and for how much.
type PurchaseId is bytes32;

/// @notice What never changes about a listing. (SPEC MK-1)
/// @param token In which the price is; zero is the native coin.
/// @param goods What is promised of the content.
/// @param description sha2-256 of the document that describes it, a raw block.
struct ListingTerms {
    address seller;
    address token;
    Sealed goods;
    bytes32 description;
}

/// @notice What never changes about a purchase. (SPEC MK-2)
/// @param receiver keccak256 of the buyer's decryption key, 48 bytes, as it stood in the registry.
/// @param salt The buyer's, so that it may buy the same thing twice.
struct PurchaseTerms {
    ListingId listing;
    address seller;
    address buyer;
    address token;
    uint256 price;
    bytes32 receiver;
    uint64 salt;
}

/// @notice A listing as it stands, in two words.
/// @param price For later buyers.
/// @param ratingSum Of its ratings, each 0 to MAX_RATING.
struct Listing {
    address seller;
    ListingPhase phase;
    uint40 ratingSum;
    uint40 ratingCount;
    address token;
    uint96 price;
}

/// @notice What changes about a purchase.
/// @param deadline Last second for the seller to deliver, or for the buyer to object.
/// @param dispute The case in which its quality is judged; zero if it is not Disputed.
struct Purchase {
    PurchasePhase phase;
    uint256 deadline;
    CaseId dispute;
}

/// @notice What a marketplace is told for ever; periods in seconds. (SPEC MK-3, MK-4, MK-5)
/// @param deliveryPeriod From buying to the last second for delivering.
/// @param challengePeriod From delivering to the last second for objecting.
/// @param panel That judges quality.
struct MarketSettings {
    uint32 deliveryPeriod;
    uint32 challengePeriod;
    PanelTerms panel;
}

/// @title IMarketplace
/// @notice Finished models and data for funds: sealed content against escrow, and proofs against lies. (SPEC MK)
/// @dev Lifecycle: publish, setPrice, withdrawListing; buy, deliver, finalise, rate; refund if nothing was delivered;
/// claimWrongKey, claimWrongChunk or dispute, and resolve, if something else was. What is owed is collected.
///
/// Terms of a purchase are not stored: they come with every call and are checked by their hash, which is the id; so are
/// those of a listing, but for seller and token.
///
/// Trust: nobody owns the market. It takes the tokens that the hub's owner allows there. It slashes bonds and writes
/// reputations, for which registry and ledger have to name it before their seals. Registry, ledger, court and
/// MarketToken are the protocol's own: they move what they say, and call nobody who is not named here.
///
/// Assumption: the registry's unbonding takes longer than delivery and challenge together (checked at deployment), so
/// that a bond that stood at the purchase can still be slashed at its end. (SPEC MK-9)
interface IMarketplace is IEscrow {
    // ------------------------------------------------------------------ errors

    /// @notice Unbonding has to take longer than delivery and challenge together.
    error UnbondingTooShort(uint256 unbondingPeriod, uint256 needed);
    /// @notice The court would not open a case with this panel.
    error InvalidPanelTerms(uint256 value, uint256 minimum, uint256 maximum);
    /// @notice The hub does not list this token.
    error TokenNotListed(address token);
    /// @notice The listing was published before, and that once.
    error ListingKnown(ListingId id, ListingPhase phase);
    /// @notice The listing is not for sale.
    error NotListed(ListingId id, ListingPhase phase);
    /// @notice Only the seller does this.
    error NotSeller(address seller, address sender);
    /// @notice Only the buyer does this.
    error NotBuyer(address buyer, address sender);
    /// @notice Only buyer or seller do this.
    error NotPartyToPurchase(PurchaseId id, address sender);
    /// @notice The price fits in 96 bits.
    error PriceTooHigh(uint256 price, uint256 maximum);
    /// @notice The price is another by now.
    error PriceChangedTo(ListingId id, uint256 price, uint256 named);
    /// @notice The seller's bond does not cover what it loses if it cheats.
    error SellerNotBonded(address seller, uint256 bond, uint256 needed);
    /// @notice Nobody buys from itself.
    error SelfPurchase(address account);
    /// @notice The buyer has used this salt for the same purchase.
    error PurchaseKnown(PurchaseId id);
    /// @notice The purchase is of another listing.
    error WrongListing(PurchaseId id, ListingId expected, ListingId shown);
    /// @notice The purchase is in another phase.
    error WrongPhase(PurchaseId id, PurchasePhase phase, PurchasePhase needed);
    /// @notice The time for this is over.
    error DeadlinePassed(PurchaseId id, uint256 deadline, uint256 time);
    /// @notice The time for this has not come.
    error DeadlineNotPassed(PurchaseId id, uint256 deadline, uint256 time);
    /// @notice That is not what was delivered.
    error NotDelivered(PurchaseId id);
    /// @notice The court has not ruled for good.
    error NotRuled(PurchaseId id, CaseId dispute);
    /// @notice Ratings go from 0 to MAX_RATING.
    error InvalidRating(uint256 rating, uint256 maximum);
    /// @notice The panel was not drawn, or has another number of seats.
    error UnevenPanel(CaseId dispute, uint256 given, uint256 seats);

    // ------------------------------------------------------------------ events

    /// @notice Something is for sale.
    event ListingPublished(ListingId indexed id, address indexed seller, ListingTerms terms, uint256 price);
    /// @notice Later buyers pay this price.
    event ListingPriceChanged(ListingId indexed id, uint256 price);
    /// @notice Nobody can buy this any more.
    event ListingWithdrawn(ListingId indexed id);
    /// @notice The price is in escrow; the seller has DELIVERY_PERIOD from now.
    /// @param key The buyer's decryption key, for which the content's key is to be masked.
    event PurchaseMade(
        PurchaseId indexed id,
        address indexed seller,
        address indexed buyer,
        ListingId listing,
        address token,
        uint256 price,
        CompressedG1 key,
        uint64 salt
    );
    /// @notice The seller handed over a key; the buyer has CHALLENGE_PERIOD from now to object.
    event KeyDelivered(PurchaseId indexed id, MaskedKey key);
    /// @notice The key that was handed over is another than was promised.
    event WrongKeyProven(PurchaseId indexed id, bytes32 key);
    /// @notice The chunk at this position is another than was promised.
    event WrongChunkProven(PurchaseId indexed id, uint256 position);
    /// @notice The buyer claimed what is not true. The key is public.
    event FalseClaimMade(PurchaseId indexed id, bytes32 key);
    /// @notice The buyer took the quality of the goods to the court.
    event PurchaseDisputed(PurchaseId indexed id, CaseId indexed dispute);
    /// @notice The members of the running round's panel can open the goods from now on.
    /// @param masked Seat by seat, each for its voter, in the context PanelKey(caseId, voter).
    event KeyOpened(CaseId indexed caseId, G1Point ephemeral, bytes32[] masked);
    /// @notice The price is the seller's.
    event PurchasePaid(PurchaseId indexed id);
    /// @notice The price is the buyer's again.
    event PurchaseRefunded(PurchaseId indexed id);
    /// @notice The buyer of something from this listing rated it.
    event PurchaseRated(PurchaseId indexed id, ListingId indexed listing, uint256 rating);

    // ------------------------------------------------------------------ listings

    /// @notice Offer sealed content for sale. By its seller, whose bond covers SELLER_PENALTY. (SPEC MK-1)
    function publish(ListingTerms calldata terms, uint256 price) external returns (ListingId id);

    /// @notice Change the price for later buyers. By the seller.
    function setPrice(ListingId id, uint256 price) external;

    /// @notice Sell no more of it, for ever. By the seller; purchases under way stay as they are.
    function withdrawListing(ListingId id) external;

    // ------------------------------------------------------------------ purchases

    /// @notice Put the price into escrow. The sender's decryption key is taken from the registry. (SPEC MK-2)
    /// @param price That the sender agrees to; in the native coin, the value sent.
    /// @param salt Anything that the sender has not bought the same thing with.
    function buy(ListingId listing, uint256 price, uint64 salt) external payable returns (PurchaseId id);

    /// @notice Hand over the key, masked for the buyer. By the seller, until the deadline. (SPEC MK-3)
    function deliver(PurchaseTerms calldata terms, MaskedKey calldata key) external;

    /// @notice Give the price back: by anybody when nothing was delivered in time, by the seller before. (SPEC MK-3)
    function refund(PurchaseTerms calldata terms) external;

    /// @notice Pay the seller: by anybody once the time for objecting is over, by the buyer before. (SPEC MK-4)
    function finalise(PurchaseTerms calldata terms) external;

    // ------------------------------------------------------------------ objections

    /// @notice Show what key was handed over. By the buyer, until the deadline; if it is right, the price goes back to it
    /// at once. (SPEC MK-4)
    function claimWrongKey(
        ListingTerms calldata listing,
        PurchaseTerms calldata terms,
        MaskedKey calldata key,
        SharedPoint calldata point
    ) external;

    /// @notice Show what key was handed over, and a chunk. By the buyer, until the deadline. (SPEC MK-4)
    function claimWrongChunk(
        ListingTerms calldata listing,
        PurchaseTerms calldata terms,
        MaskedKey calldata key,
        SharedPoint calldata point,
        ChunkProof calldata proof
    ) external;

    /// @notice Ask the court whether the goods are what their description says. By the buyer, until the deadline, paying
    /// the court's fee in MarketToken. The evidence is the purchase's id; more goes to the court. (SPEC MK-5)
    function dispute(PurchaseTerms calldata terms) external returns (CaseId id);

    /// @notice Hand the key to the panel of the running round. By buyer or seller, once it was drawn; again for each panel.
    /// @param masked Seat by seat, each for its voter's decryption key, in the context PanelKey(caseId, voter). (SPEC MK-5)
    function openKey(PurchaseTerms calldata terms, G1Point calldata ephemeral, bytes32[] calldata masked) external;

    /// @notice Do what the court ruled. By anybody. (SPEC MK-5)
    function resolve(PurchaseTerms calldata terms) external;

    // ------------------------------------------------------------------ ratings

    /// @notice Rate what was bought and paid for, once. By the buyer. (SPEC MK-6)
    function rate(PurchaseTerms calldata terms, uint256 rating) external;

    // ------------------------------------------------------------------ views

    function listingOf(ListingId id) external view returns (Listing memory);

    function purchaseOf(PurchaseId id) external view returns (Purchase memory);

    /// @notice Ratings of all that an account sold.
    function ratingsOf(address seller) external view returns (uint256 sum, uint256 count);

    /// @notice What a key is masked for in a purchase: the digest of its `PurchaseKey`. (SPEC SL-5)
    function contextOf(PurchaseId id) external view returns (bytes32);

    function HUB() external view returns (IChannelHub);
    function REGISTRY() external view returns (IParticipantRegistry);
    function LEDGER() external view returns (IReputationLedger);
    function COURT() external view returns (IOracleCourt);
    function DELIVERY_PERIOD() external view returns (uint256);
    function CHALLENGE_PERIOD() external view returns (uint256);

    /// @notice Of the first panel that judges quality; its fee is COURT.feeOf(seats).
    function panelTerms() external view returns (PanelTerms memory);
}

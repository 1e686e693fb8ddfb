// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SalePhase} from "../contracts/protocol/Enums.sol";
import {LockedOffer, ProductOffer} from "../contracts/protocol/Messages.sol";
import {IEscrow} from "./IEscrow.sol";
import {IPreimageRegistry} from "./IPreimageRegistry.sol";
import {IProductRegistry} from "./IProductRegistry.sol";

/// @notice EIP-712 digest of the seller's LockedOffer.
type SaleId is bytes32;

/// @notice Where a hash-locked sale stands.
/// @param buyer Who locked the funds.
struct Sale {
    SalePhase phase;
    address buyer;
}

/// @title IProductSale
/// @notice Tokens of ProductRegistry for funds, both or neither: at a fixed price, or under a hash lock. (SPEC MK-8)
/// @dev Fixed price: buy. Hash lock: lock, then settle, or unlock after the expiry. A seller approves this contract for
/// its tokens; each offer is good once, and as long as the seller does not cancel it.
///
/// Trust: nobody owns this contract. Seller and buyer agree on the token by signing and by paying; what a hostile token
/// does, it does to the two of them. Signatures are ECDSA, or ERC-1271 of a seller that is a contract.
/// Assumption: ProductRegistry moves what it is asked to and calls no receiver. (SPEC PV-7)
interface IProductSale is IEscrow {
    /// @notice The offer's deadline is over.
    error OfferExpired(uint256 deadline, uint256 time);
    /// @notice The offer was taken or cancelled.
    error OfferSpent(address seller, bytes32 digest);
    /// @notice The seller has not signed this offer.
    error InvalidOffer(address seller, bytes32 digest);
    /// @notice The offer is for somebody else.
    error NotOfferedTo(address buyer, address sender);
    /// @notice The lock would have no time.
    error LockTooShort(uint256 expiry, uint256 time);
    /// @notice The sale is in another phase.
    error WrongSalePhase(SaleId id, SalePhase phase, SalePhase needed);
    /// @notice The preimage was not revealed by the expiry.
    error PreimageNotRevealed(SaleId id, bytes32 hash);
    /// @notice The lock can still be opened, or was in time.
    error StillLocked(SaleId id, uint256 expiry, uint256 time);

    /// @notice The product is the buyer's, the price the seller's.
    event ProductSold(bytes32 indexed product, address indexed seller, address indexed buyer, bytes32 digest);
    /// @notice Product and price wait for the preimage of `hash`.
    event SaleLocked(SaleId indexed id, bytes32 indexed hash, address indexed buyer, LockedOffer offer);
    /// @notice The product is back with the seller, the price with the buyer.
    event SaleReturned(SaleId indexed id);
    /// @notice The seller takes an offer back.
    event OfferCancelled(address indexed seller, bytes32 indexed digest);

    /// @notice Take an offer: the product for the price, in this transaction.
    function buy(ProductOffer calldata offer, bytes calldata signature) external payable;

    /// @notice Take an offer under a hash lock: product and price wait here.
    function lock(LockedOffer calldata offer, bytes calldata signature) external payable returns (SaleId id);

    /// @notice Move both: by anybody, with the preimage, by the expiry; or later if it was revealed by then.
    /// @param preimage Whatever if it is public already.
    function settle(LockedOffer calldata offer, bytes32 preimage) external;

    /// @notice Return both: by anybody, after the expiry, if the preimage was not revealed in time.
    function unlock(LockedOffer calldata offer) external;

    /// @notice Never honour an offer of the sender's with this digest.
    function cancel(bytes32 digest) external;

    function saleOf(SaleId id) external view returns (Sale memory);

    /// @notice Whether an offer was taken or cancelled.
    function isSpent(address seller, bytes32 digest) external view returns (bool);

    function PRODUCTS() external view returns (IProductRegistry);
    function PREIMAGES() external view returns (IPreimageRegistry);
}

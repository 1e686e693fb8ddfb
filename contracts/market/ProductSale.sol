// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IPreimageRegistry} from "../../interfaces/IPreimageRegistry.sol";
import {IProductRegistry} from "../../interfaces/IProductRegistry.sol";
import {IProductSale, Sale, SaleId} from "../../interfaces/IProductSale.sol";
import {SalePhase} from "../protocol/Enums.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, LockedOffer, Messages, ProductOffer} from "../protocol/Messages.sol";
import {Escrow} from "./Escrow.sol";

/// @title ProductSale
/// @notice Tokens of ProductRegistry for funds, both or neither: at a fixed price, or under a hash lock.
/// @dev Lifecycle, trust and assumptions stand in IProductSale. Invariants: MK-I1, MK-I5.
contract ProductSale is IProductSale, Escrow, EIP712 {
    using SafeERC20 for IERC20;

    /// @inheritdoc IProductSale
    IProductRegistry public immutable PRODUCTS;
    /// @inheritdoc IProductSale
    IPreimageRegistry public immutable PREIMAGES;

    mapping(SaleId id => Sale) private _sales;
    mapping(address seller => mapping(bytes32 digest => bool)) private _spent;

    constructor(IProductRegistry products, IPreimageRegistry preimages) EIP712(DOMAIN_NAME, DOMAIN_VERSION) {
        (PRODUCTS, PREIMAGES) = (products, preimages);
    }

    // ------------------------------------------------------------------ fixed price

    /// @inheritdoc IProductSale
    function buy(ProductOffer calldata offer, bytes calldata signature) external payable nonReentrant {
        bytes32 digest = _hashTypedDataV4(Messages.hash(offer));
        _spend(offer.seller, offer.buyer, offer.deadline, digest, signature);
        emit ProductSold(offer.product, offer.seller, msg.sender, digest);
        PRODUCTS.transferFrom(offer.seller, msg.sender, uint256(offer.product));
        _payStraight(offer.token, offer.seller, offer.price);
    }

    // ------------------------------------------------------------------ hash lock

    /// @inheritdoc IProductSale
    function lock(LockedOffer calldata offer, bytes calldata signature)
        external
        payable
        nonReentrant
        returns (SaleId id)
    {
        bytes32 digest = _hashTypedDataV4(Messages.hash(offer));
        id = SaleId.wrap(digest);
        require(offer.expiry > block.timestamp, LockTooShort(offer.expiry, block.timestamp));
        _spend(offer.seller, offer.buyer, offer.deadline, digest, signature);
        _sales[id] = Sale(SalePhase.Locked, msg.sender);
        emit SaleLocked(id, offer.hash, msg.sender, offer);
        PRODUCTS.transferFrom(offer.seller, address(this), uint256(offer.product));
        _take(offer.token, offer.price);
    }

    /// @inheritdoc IProductSale
    function settle(LockedOffer calldata offer, bytes32 preimage) external nonReentrant {
        (SaleId id, address buyer) = _locked(offer);
        if (keccak256(abi.encodePacked(preimage)) == offer.hash) PREIMAGES.reveal(preimage);
        require(_isOpen(offer), PreimageNotRevealed(id, offer.hash));
        _sales[id].phase = SalePhase.Sold;
        emit ProductSold(offer.product, offer.seller, buyer, SaleId.unwrap(id));
        _owe(offer.token, offer.seller, offer.price);
        PRODUCTS.transferFrom(address(this), buyer, uint256(offer.product));
    }

    /// @inheritdoc IProductSale
    function unlock(LockedOffer calldata offer) external nonReentrant {
        (SaleId id, address buyer) = _locked(offer);
        require(block.timestamp > offer.expiry && !_isOpen(offer), StillLocked(id, offer.expiry, block.timestamp));
        _sales[id].phase = SalePhase.Returned;
        emit SaleReturned(id);
        _owe(offer.token, buyer, offer.price);
        PRODUCTS.transferFrom(address(this), offer.seller, uint256(offer.product));
    }

    // ------------------------------------------------------------------ offers

    /// @inheritdoc IProductSale
    function cancel(bytes32 digest) external {
        _spent[msg.sender][digest] = true;
        emit OfferCancelled(msg.sender, digest);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IProductSale
    function saleOf(SaleId id) external view returns (Sale memory) {
        return _sales[id];
    }

    /// @inheritdoc IProductSale
    function isSpent(address seller, bytes32 digest) external view returns (bool) {
        return _spent[seller][digest];
    }

    // ------------------------------------------------------------------ internals

    /// @dev Whether the preimage was public at the expiry, for ever the same from then on. (SPEC CH-9)
    function _isOpen(LockedOffer calldata offer) private view returns (bool) {
        uint256 time = PREIMAGES.revealedAt(offer.hash);
        return time != 0 && time <= offer.expiry;
    }

    function _locked(LockedOffer calldata offer) private view returns (SaleId id, address buyer) {
        id = SaleId.wrap(_hashTypedDataV4(Messages.hash(offer)));
        Sale memory sale = _sales[id];
        require(sale.phase == SalePhase.Locked, WrongSalePhase(id, sale.phase, SalePhase.Locked));
        buyer = sale.buyer;
    }

    /// @dev The caller takes an offer that is good, and that is not after this.
    function _spend(address seller, address buyer, uint256 deadline, bytes32 digest, bytes calldata signature) private {
        require(block.timestamp <= deadline, OfferExpired(deadline, block.timestamp));
        require(buyer == address(0) || buyer == msg.sender, NotOfferedTo(buyer, msg.sender));
        require(!_spent[seller][digest], OfferSpent(seller, digest));
        _spent[seller][digest] = true;
        require(SignatureChecker.isValidSignatureNow(seller, digest, signature), InvalidOffer(seller, digest));
    }

    /// @dev From the caller to the seller; the seller gets exactly what it asked for, or nothing is sold.
    function _payStraight(address token, address seller, uint256 amount) private {
        uint256 value = token == _NATIVE ? amount : 0;
        require(msg.value == value, ValueMismatch(msg.value, value));
        if (token == _NATIVE) {
            (bool paid,) = seller.call{value: amount}("");
            require(paid, PaymentRefused(seller, amount));
            return;
        }
        uint256 before = IERC20(token).balanceOf(seller);
        IERC20(token).safeTransferFrom(msg.sender, seller, amount);
        uint256 arrived = IERC20(token).balanceOf(seller) - before;
        require(arrived == amount, AmountMismatch(token, arrived, amount));
    }
}

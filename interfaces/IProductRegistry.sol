// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {ProductOrigin} from "../contracts/protocol/Enums.sol";
import {State} from "../contracts/protocol/Messages.sol";
import {ChannelId, ChannelParameters, IChannelHub, Lock} from "./IChannelHub.sol";

/// @notice sha2-256 digest of the root block of a product's content. (SPEC PV-1)
type ProductIndex is bytes32;

/// @notice What is recorded of a product.
/// @param creator Who registered it, or the provider of the channel in which it was bought.
/// @param registrationBlock Block in which it was registered or first claimed.
/// @param challengeExpiration Last block in which challenging it needs no deposit.
/// @param codec Of the content's root block: 0x55 raw, 0x70 dag-pb.
/// @param holder Who owns its token.
struct Product {
    address creator;
    uint256 registrationBlock;
    uint256 challengeExpiration;
    uint8 codec;
    ProductOrigin origin;
    address holder;
}

/// @title IProductRegistry
/// @notice Who made a product and who owns it: an ERC-721 whose tokens are products. (SPEC PV)
/// @dev A product's token id is its index as a number. Lifecycle: register or claim; then a token like any other.
///
/// Trust: registering says nothing about who made the content; a claim says that the provider of a channel sold it to
/// the client. First come, first served. (SPEC PV-8)
/// Assumption: the hub answers for ended channels alone, and never takes back an answer.
interface IProductRegistry is IERC721Metadata {
    /// @notice The challenge period does not end.
    error ChallengePeriodTooLong(uint256 blocks, uint256 most);
    /// @notice The product is registered, and this is who holds it.
    error ProductAlreadyRegistered(ProductIndex product, address holder);
    /// @notice No content has this index.
    error InvalidProduct(ProductIndex product);
    /// @notice Contents are raw blocks (0x55) or dag-pb (0x70).
    error UnknownCodec(uint8 codec);
    /// @notice Only the client of the channel claims what it bought.
    error NotClient(ChannelId channel, address sender);
    /// @notice The channel has not ended, or no product was sold in it.
    error NoProductsSold(ChannelId channel);
    /// @notice The product does not stand at this position among those that were sold.
    error InvalidProductProof(ChannelId channel, ProductIndex product);
    /// @notice The lock has not paid, or was not pending when the channel ended.
    error LockNotPaid(ChannelId channel, uint256 position);

    /// @notice `creator` registered the product, and owns it.
    event ProductRegistered(
        ProductIndex indexed product, address indexed creator, uint8 codec, uint256 challengeExpiration
    );
    /// @notice The client of the channel owns the product from now on.
    event ProductClaimed(ProductIndex indexed product, ChannelId indexed channel);

    /// @notice Register a product as its creator, and own it. (SPEC PV-3)
    function register(ProductIndex product, uint8 codec) external;

    /// @notice Claim a product that was sold in a channel, as the client of it. (SPEC PV-4)
    /// @param position Where the product stands in the tree of products sold, with its siblings from the leaf up.
    function claim(
        ChannelParameters calldata parameters,
        ProductIndex product,
        uint8 codec,
        uint256 position,
        bytes32[] calldata path
    ) external;

    /// @notice Claim the product of a lock that was pending when the channel ended and has paid. (SPEC PV-4)
    /// @param state The state by which the channel was settled.
    /// @param position Where the lock stands in the state's tree of locks, with its siblings from the leaf up.
    function claimPaid(
        ChannelParameters calldata parameters,
        State calldata state,
        Lock calldata lock,
        uint8 codec,
        uint256 position,
        bytes32[] calldata path
    ) external;

    /// @notice What is recorded of a product; all zero if it is not registered.
    function productOf(ProductIndex product) external view returns (Product memory);

    /// @notice Whose word counts on what was sold.
    function HUB() external view returns (IChannelHub);

    /// @notice Blocks after the registration in which challenging a product needs no deposit.
    function CHALLENGE_PERIOD() external view returns (uint256);
}

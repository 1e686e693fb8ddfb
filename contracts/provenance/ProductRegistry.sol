// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ChannelId, ChannelParameters, IChannelHub, Lock} from "../../interfaces/IChannelHub.sol";
import {IProductRegistry, Product, ProductIndex} from "../../interfaces/IProductRegistry.sol";
import {ChannelRules} from "../channels/ChannelRules.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";
import {ProductOrigin} from "../protocol/Enums.sol";
import {State} from "../protocol/Messages.sol";
import {ContentId} from "./ContentId.sol";

/// @title ProductRegistry
/// @notice Who made a product and who owns it: an ERC-721 whose tokens are products.
/// @dev Lifecycle, trust and assumptions stand in IProductRegistry. Invariants: PV-I1, PV-I2.
contract ProductRegistry is ERC721, IProductRegistry {
    using SafeCast for uint256;

    /// @dev One word. (SPEC PV-2)
    struct Record {
        address creator;
        uint40 registrationBlock;
        uint40 challengeExpiration;
        uint8 codec;
        ProductOrigin origin;
    }

    /// @inheritdoc IProductRegistry
    IChannelHub public immutable HUB;
    /// @inheritdoc IProductRegistry
    uint256 public immutable CHALLENGE_PERIOD;

    mapping(ProductIndex product => Record) private _records;

    constructor(IChannelHub hub, uint256 challengePeriod) ERC721("Handfast Product", "PRODUCT") {
        HUB = hub;
        CHALLENGE_PERIOD = challengePeriod;
    }

    /// @inheritdoc IProductRegistry
    function register(ProductIndex product, uint8 codec) external {
        address holder = _ownerOf(_tokenId(product));
        require(holder == address(0), ProductAlreadyRegistered(product, holder));
        uint256 expiration = _record(product, codec, msg.sender, ProductOrigin.Registered);
        emit ProductRegistered(product, msg.sender, codec, expiration);
        _mint(msg.sender, _tokenId(product));
    }

    /// @inheritdoc IProductRegistry
    function claim(
        ChannelParameters calldata parameters,
        ProductIndex product,
        uint8 codec,
        uint256 position,
        bytes32[] calldata path
    ) external {
        ChannelId channel = _channelOfClient(parameters);
        bytes32 root = HUB.productsRootOf(channel);
        require(root != 0, NoProductsSold(channel));
        bytes32 leaf = MerkleTree.leafHash(abi.encodePacked(product));
        require(MerkleTree.verify(root, leaf, position, path), InvalidProductProof(channel, product));
        _claim(channel, parameters.provider, product, codec);
    }

    /// @inheritdoc IProductRegistry
    function claimPaid(
        ChannelParameters calldata parameters,
        State calldata state,
        Lock calldata lock,
        uint8 codec,
        uint256 position,
        bytes32[] calldata path
    ) external {
        ChannelId channel = _channelOfClient(parameters);
        require(HUB.isPaid(channel, state, lock, position, path), LockNotPaid(channel, position));
        _claim(channel, parameters.provider, ProductIndex.wrap(lock.product), codec);
    }

    /// @inheritdoc IProductRegistry
    function productOf(ProductIndex product) external view returns (Product memory) {
        Record memory record = _records[product];
        return Product({
            creator: record.creator,
            registrationBlock: record.registrationBlock,
            challengeExpiration: record.challengeExpiration,
            codec: record.codec,
            origin: record.origin,
            holder: _ownerOf(_tokenId(product))
        });
    }

    /// @notice Address of the product's content: ipfs:// and its CID.
    function tokenURI(uint256 tokenId) public view override(ERC721, IERC721Metadata) returns (string memory) {
        _requireOwned(tokenId);
        uint8 codec = _records[ProductIndex.wrap(bytes32(tokenId))].codec;
        return string.concat("ipfs://", ContentId.toText(codec, bytes32(tokenId)));
    }

    /// @dev The first claim of a product mints it, or takes it over from the provider that sold it. (SPEC PV-6)
    function _claim(ChannelId channel, address provider, ProductIndex product, uint8 codec) private {
        uint256 tokenId = _tokenId(product);
        address holder = _ownerOf(tokenId);
        if (holder == address(0)) {
            _record(product, codec, provider, ProductOrigin.Claimed);
            emit ProductClaimed(product, channel);
            _mint(msg.sender, tokenId);
            return;
        }
        Record storage record = _records[product];
        require(
            holder == provider && record.origin == ProductOrigin.Registered, ProductAlreadyRegistered(product, holder)
        );
        record.origin = ProductOrigin.Claimed;
        emit ProductClaimed(product, channel);
        _transfer(provider, msg.sender, tokenId);
    }

    function _record(ProductIndex product, uint8 codec, address creator, ProductOrigin origin)
        private
        returns (uint256 expiration)
    {
        require(ProductIndex.unwrap(product) != 0, InvalidProduct(product));
        require(codec == ContentId.RAW || codec == ContentId.DAG_PB, UnknownCodec(codec));
        expiration = block.number + CHALLENGE_PERIOD;
        _records[product] = Record({
            creator: creator,
            registrationBlock: block.number.toUint40(),
            challengeExpiration: expiration.toUint40(),
            codec: codec,
            origin: origin
        });
    }

    function _channelOfClient(ChannelParameters calldata parameters) private view returns (ChannelId channel) {
        channel = ChannelRules.idOf(parameters);
        require(msg.sender == parameters.client, NotClient(channel, msg.sender));
    }

    function _tokenId(ProductIndex product) private pure returns (uint256) {
        return uint256(ProductIndex.unwrap(product));
    }
}

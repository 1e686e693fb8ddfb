// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {ChannelId, ChannelParameters, IChannelHub, Lock} from "../../interfaces/IChannelHub.sol";
import {IProductRegistry, Product, ProductIndex} from "../../interfaces/IProductRegistry.sol";
import {ChannelRules} from "../channels/ChannelRules.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";
import {ProductOrigin} from "../protocol/Enums.sol";
import {State} from "../protocol/Messages.sol";
import {ContentId} from "./ContentId.sol";
import {ProductRecord, ProductRecords} from "./ProductRecord.sol";

/// @title ProductRegistry
/// @notice Who made a product and who owns it: an ERC-721 whose tokens are products.
/// @dev Lifecycle, trust and assumptions stand in IProductRegistry. Invariants: PV-I1, PV-I2.
contract ProductRegistry is ERC721, IProductRegistry {
    /// @dev So that the end of a period fits its place in the record.
    uint256 private constant _MAX_PERIOD = type(uint32).max;

    /// @inheritdoc IProductRegistry
    IChannelHub public immutable HUB;
    /// @inheritdoc IProductRegistry
    uint256 public immutable CHALLENGE_PERIOD;

    mapping(ProductIndex product => ProductRecord) private _records;

    constructor(IChannelHub hub, uint256 challengePeriod) ERC721("Handfast Product", "PRODUCT") {
        require(challengePeriod <= _MAX_PERIOD, ChallengePeriodTooLong(challengePeriod, _MAX_PERIOD));
        HUB = hub;
        CHALLENGE_PERIOD = challengePeriod;
    }

    /// @inheritdoc IProductRegistry
    function register(ProductIndex product, uint8 codec) external {
        address holder = _update(msg.sender, _tokenId(product), address(0));
        require(holder == address(0), ProductAlreadyRegistered(product, holder));
        _record(product, codec, msg.sender, ProductOrigin.Registered);
        emit ProductRegistered(product, msg.sender, codec, _expiration());
    }

    /// @inheritdoc IProductRegistry
    function claim(
        ChannelParameters calldata parameters,
        ProductIndex product,
        uint8 codec,
        uint256 position,
        bytes32[] calldata path
    ) external {
        (ChannelId channel, address provider) = _boughtIn(parameters);
        bytes32 root = HUB.productsRootOf(channel);
        bytes32 leaf = MerkleTree.leafHash(ProductIndex.unwrap(product));
        if (!MerkleTree.verify(root, leaf, position, path)) {
            require(root != 0, NoProductsSold(channel));
            revert InvalidProductProof(channel, product);
        }
        _claim(channel, provider, product, codec);
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
        (ChannelId channel, address provider) = _boughtIn(parameters);
        require(HUB.isPaid(channel, state, lock, position, path), LockNotPaid(channel, position));
        _claim(channel, provider, ProductIndex.wrap(lock.product), codec);
    }

    /// @inheritdoc IProductRegistry
    function productOf(ProductIndex product) external view returns (Product memory) {
        ProductRecord record = _records[product];
        return Product({
            creator: record.creatorOf(),
            registrationBlock: record.registrationBlockOf(),
            challengeExpiration: record.expirationOf(),
            codec: record.codecOf(),
            origin: record.originOf(),
            holder: _ownerOf(_tokenId(product))
        });
    }

    /// @notice Address of the product's content: ipfs:// and its CID.
    function tokenURI(uint256 tokenId) public view override(ERC721, IERC721Metadata) returns (string memory) {
        _requireOwned(tokenId);
        uint8 codec = _records[ProductIndex.wrap(bytes32(tokenId))].codecOf();
        return string.concat("ipfs://", ContentId.toText(codec, bytes32(tokenId)));
    }

    /// @dev The first claim of a product mints it, or takes it over from the provider that sold it. (SPEC PV-6)
    function _claim(ChannelId channel, address provider, ProductIndex product, uint8 codec) private {
        address holder = _update(msg.sender, _tokenId(product), address(0));
        if (holder == address(0)) {
            _record(product, codec, provider, ProductOrigin.Claimed);
        } else {
            ProductRecord record = _records[product];
            bool registered = record.originOf() == ProductOrigin.Registered;
            require(holder == provider && registered, ProductAlreadyRegistered(product, holder));
            _records[product] = record.withOrigin(ProductOrigin.Claimed);
        }
        emit ProductClaimed(product, channel);
    }

    function _record(ProductIndex product, uint8 codec, address creator, ProductOrigin origin) private {
        require(ProductIndex.unwrap(product) != 0, InvalidProduct(product));
        require(codec == ContentId.RAW || codec == ContentId.DAG_PB, UnknownCodec(codec));
        uint256 blocks = (block.number << ProductRecords.BLOCK_AT) | (_expiration() << ProductRecords.EXPIRATION_AT);
        uint256 kind = (uint256(codec) << ProductRecords.CODEC_AT) | (uint256(origin) << ProductRecords.ORIGIN_AT);
        _records[product] = ProductRecord.wrap(uint256(uint160(creator)) | blocks | kind);
    }

    function _expiration() private view returns (uint256) {
        unchecked {
            return block.number + CHALLENGE_PERIOD;
        }
    }

    /// @dev The channel in which the caller bought, and of whom.
    function _boughtIn(ChannelParameters calldata parameters)
        private
        view
        returns (ChannelId channel, address provider)
    {
        channel = ChannelRules.idOf(parameters);
        address client;
        (client, provider) = ChannelRules.partiesOf(parameters);
        require(msg.sender == client, NotClient(channel, msg.sender));
    }

    function _tokenId(ProductIndex product) private pure returns (uint256) {
        return uint256(ProductIndex.unwrap(product));
    }
}

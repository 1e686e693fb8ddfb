// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ProductOrigin} from "../protocol/Enums.sol";

/// @notice What is kept of a product, in one word. (SPEC PV-2)
type ProductRecord is uint256;

using ProductRecords for ProductRecord global;

/// @title ProductRecords
/// @notice Where the parts of a product's record stand.
/// @dev From the lowest bit: 160 bits of the creator, 40 each of the block of registration and of the last block of the
/// challenge period, 8 each of codec and origin. Written as one word, which saves 400 gas against the fields of a struct.
library ProductRecords {
    uint256 internal constant BLOCK_AT = 160;
    uint256 internal constant EXPIRATION_AT = 200;
    uint256 internal constant CODEC_AT = 240;
    uint256 internal constant ORIGIN_AT = 248;

    /// @notice The same record with another origin.
    function withOrigin(ProductRecord record, ProductOrigin origin) internal pure returns (ProductRecord) {
        uint256 others = ProductRecord.unwrap(record) & ((1 << ORIGIN_AT) - 1);
        return ProductRecord.wrap(others | (uint256(origin) << ORIGIN_AT));
    }

    /// @notice Who registered the product, or the provider of the channel in which it was bought.
    function creatorOf(ProductRecord record) internal pure returns (address) {
        return address(uint160(ProductRecord.unwrap(record)));
    }

    /// @notice Block in which it was registered or first claimed.
    function registrationBlockOf(ProductRecord record) internal pure returns (uint40) {
        return uint40(ProductRecord.unwrap(record) >> BLOCK_AT);
    }

    /// @notice Last block in which challenging it needs no deposit.
    function expirationOf(ProductRecord record) internal pure returns (uint40) {
        return uint40(ProductRecord.unwrap(record) >> EXPIRATION_AT);
    }

    /// @notice Of the content's root block.
    function codecOf(ProductRecord record) internal pure returns (uint8) {
        return uint8(ProductRecord.unwrap(record) >> CODEC_AT);
    }

    /// @notice How the product came into the registry.
    function originOf(ProductRecord record) internal pure returns (ProductOrigin) {
        return ProductOrigin(ProductRecord.unwrap(record) >> ORIGIN_AT);
    }
}

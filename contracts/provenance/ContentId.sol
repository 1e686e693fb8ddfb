// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ContentId
/// @notice The text of a content identifier, CIDv1, by the digest of its root block.
library ContentId {
    uint8 internal constant RAW = 0x55;
    uint8 internal constant DAG_PB = 0x70;

    /// @dev Version of the identifier; sha2-256 and the length of its digest.
    bytes1 private constant _VERSION = 0x01;
    bytes2 private constant _SHA2_256 = 0x1220;
    bytes32 private constant _BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

    /// @notice 59 characters: b for base32, then the identifier.
    function toText(uint8 codec, bytes32 digest) internal pure returns (string memory) {
        bytes memory identifier = abi.encodePacked(_VERSION, codec, _SHA2_256, digest);
        bytes memory text = new bytes(59);
        text[0] = "b";
        uint256 buffer;
        uint256 bits;
        uint256 written = 1;
        for (uint256 i; i < identifier.length; ++i) {
            buffer = (buffer << 8) | uint8(identifier[i]);
            for (bits += 8; bits >= 5; bits -= 5) {
                text[written++] = _BASE32[(buffer >> (bits - 5)) & 31];
            }
        }
        text[written] = _BASE32[(buffer << (5 - bits)) & 31];
        return string(text);
    }
}

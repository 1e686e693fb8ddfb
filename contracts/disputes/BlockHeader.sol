// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title BlockHeader
/// @notice What the chain can still prove of a past block: its hash, and from its header its randomness. (SPEC OC-3)
library BlockHeader {
    /// @dev Keeps the hashes of the last 8,191 blocks. (EIP-2935)
    address private constant _HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    /// @dev mixHash, which holds `prevrandao`, is the fourteenth field. (EIP-4399)
    uint256 private constant _FIELDS_BEFORE_MIX = 13;

    /// @notice The bytes are no header of Ethereum's.
    error MalformedHeader();

    /// @notice Hash of a past block; zero if the chain can't tell it, or it has not been.
    function hashAt(uint256 height) internal view returns (bytes32 hash) {
        hash = blockhash(height);
        if (hash != 0 || height >= block.number) return hash;
        (bool success, bytes memory answer) = _HISTORY.staticcall(abi.encode(height));
        // A chain without the contract answers nothing, one that is asked for too old a block reverts.
        if (success && answer.length == 32) hash = bytes32(answer);
    }

    /// @notice `prevrandao` of the block that has this header.
    /// @param header RLP, whose hash was compared.
    function mixOf(bytes calldata header) internal pure returns (uint256) {
        uint256 first = uint8(header[0]);
        // A list longer than 55 bytes: the length of its length, its length, its items.
        require(first > 0xf7, MalformedHeader());
        uint256 at = 1 + first - 0xf7;
        require(at + _number(header[1:at]) == header.length, MalformedHeader());
        for (uint256 field; field < _FIELDS_BEFORE_MIX; ++field) {
            at = _skip(header, at);
        }
        require(header[at] == 0xa0, MalformedHeader());
        return uint256(bytes32(header[at + 1:at + 33]));
    }

    /// @dev Where the item after the string at `at` begins.
    function _skip(bytes calldata header, uint256 at) private pure returns (uint256) {
        uint256 first = uint8(header[at]);
        // Lengths are below 2^32, so no sum of them overflows.
        unchecked {
            if (first < 0x80) return at + 1;
            if (first < 0xb8) return at + 1 + first - 0x80;
            require(first < 0xc0, MalformedHeader());
            uint256 start = at + 1 + first - 0xb7;
            return start + _number(header[at + 1:start]);
        }
    }

    function _number(bytes calldata digits) private pure returns (uint256) {
        require(digits.length < 5, MalformedHeader());
        return uint256(bytes32(digits)) >> (256 - 8 * digits.length);
    }
}

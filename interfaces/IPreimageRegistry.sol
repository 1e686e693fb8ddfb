// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IPreimageRegistry
/// @notice The public clock of secrets: which 32-byte preimages are known to everybody, and since when. (SPEC CH-11)
/// @dev Has no owner and no other state. A time is the timestamp of the block that first carried the preimage, so
/// whoever relies on it must leave a margin for inclusion and for a re-organisation that moves it to a later block.
interface IPreimageRegistry {
    /// @notice A preimage became public for the first time.
    event PreimageRevealed(bytes32 indexed hash, bytes32 preimage);

    /// @notice Make a preimage public. By anybody; a repeat changes nothing.
    /// @param preimage The 32 bytes.
    /// @return hash Its keccak256.
    function reveal(bytes32 preimage) external returns (bytes32 hash);

    /// @notice When the preimage of `hash` was revealed, in seconds; zero if it has not been.
    function revealedAt(bytes32 hash) external view returns (uint256 time);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MerkleTree} from "../crypto/MerkleTree.sol";
import {LockOutcome} from "../protocol/Enums.sol";
import {ChannelId, ChannelParameters, Lock} from "../../interfaces/IChannelHub.sol";

/// @title ChannelRules
/// @notice What the end of a channel means, without storage: who gets what, and what becomes of a lock. (SPEC CH)
/// @dev Identical to `handfast/channels/rules.py`. Nothing here reverts, whatever two parties have signed. (SPEC CH-15)
library ChannelRules {
    /// @notice How the money of a channel is divided at its end; the four amounts add up to what it holds.
    struct Division {
        uint256 toClient;
        uint256 toProvider;
        uint256 lockedByClient;
        uint256 lockedByProvider;
    }

    /// @notice The id of the channel with these parameters. (SPEC CH-1)
    /// @dev Of the words as they came, which are their encoding: 400 gas less in every action. Words that do not fit
    /// their types give an id that no channel has, since `open` reads each of them.
    function idOf(ChannelParameters calldata parameters) internal pure returns (ChannelId id) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, parameters, 160)
            id := keccak256(free, 160)
        }
    }

    /// @notice Who has the channel with these parameters. Words that are no addresses belong to no channel, as with `idOf`.
    /// @dev Unlike reading the fields this checks nothing: 160 gas less each.
    function partiesOf(ChannelParameters calldata parameters) internal pure returns (address client, address provider) {
        assembly ("memory-safe") {
            client := calldataload(parameters)
            provider := calldataload(add(parameters, 32))
        }
    }

    /// @notice The leaf of a lock in the tree of pending locks. (SPEC CH-7)
    function leafOf(Lock calldata lock) internal pure returns (bytes32) {
        return MerkleTree.leafHash(abi.encode(lock));
    }

    /// @notice Divide what a channel holds after `transferred` has moved from client to provider. (SPEC CH-5, CH-15)
    /// @param clientFunds Deposits less withdrawals of the client, which may be negative; likewise the provider's. Their
    /// sum, which is what the channel holds, never is.
    function divide(
        int256 clientFunds,
        int256 providerFunds,
        int256 transferred,
        uint256 lockedByClient,
        uint256 lockedByProvider
    ) internal pure returns (Division memory division) {
        uint256 held = uint256(clientFunds + providerFunds);
        uint256 ofClient = clamp(clientFunds - transferred, held);
        uint256 ofProvider = held - ofClient;
        division.lockedByClient = min(lockedByClient, ofClient);
        division.lockedByProvider = min(lockedByProvider, ofProvider);
        division.toClient = ofClient - division.lockedByClient;
        division.toProvider = ofProvider - division.lockedByProvider;
    }

    /// @notice What becomes of a lock at `time`; Absent: nothing yet. (SPEC CH-9)
    /// @dev A timely preimage outweighs a cancellation, so that who owns a product once it paid does not depend on who
    /// was first to show what.
    /// @param revealedAt When its preimage was revealed, zero if it has not been.
    /// @param cancelled Whether its payee gave it up.
    function outcome(uint256 expiry, uint256 revealedAt, bool cancelled, uint256 time)
        internal
        pure
        returns (LockOutcome)
    {
        if (isTimely(revealedAt, expiry)) return LockOutcome.Paid;
        if (cancelled || time > expiry) return LockOutcome.Refunded;
        return LockOutcome.Absent;
    }

    /// @notice Whether a preimage was revealed soon enough for a lock.
    function isTimely(uint256 revealedAt, uint256 expiry) internal pure returns (bool) {
        return revealedAt != 0 && revealedAt <= expiry;
    }

    /// @notice `value`, or the nearest of zero and `ceiling`.
    function clamp(int256 value, uint256 ceiling) internal pure returns (uint256) {
        return value <= 0 ? 0 : min(uint256(value), ceiling);
    }

    /// @notice The smaller of two.
    function min(uint256 left, uint256 right) internal pure returns (uint256) {
        return left < right ? left : right;
    }
}

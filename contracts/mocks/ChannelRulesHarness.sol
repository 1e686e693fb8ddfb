// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ChannelId, ChannelParameters, Lock} from "../../interfaces/IChannelHub.sol";
import {ChannelHead, Head} from "../channels/ChannelHead.sol";
import {ChannelRules} from "../channels/ChannelRules.sol";
import {LockOutcome} from "../protocol/Enums.sol";

/// @title ChannelRulesHarness
/// @notice Lets tests call the pure libraries of channels.
contract ChannelRulesHarness {
    function idOf(ChannelParameters calldata parameters) external pure returns (ChannelId) {
        return ChannelRules.idOf(parameters);
    }

    function leafOf(Lock calldata lock) external pure returns (bytes32) {
        return ChannelRules.leafOf(lock);
    }

    function divide(
        int256 clientFunds,
        int256 providerFunds,
        int256 transferred,
        uint256 lockedByClient,
        uint256 lockedByProvider
    ) external pure returns (ChannelRules.Division memory) {
        return ChannelRules.divide(clientFunds, providerFunds, transferred, lockedByClient, lockedByProvider);
    }

    function outcome(uint256 expiry, uint256 revealedAt, bool cancelled, uint256 time)
        external
        pure
        returns (LockOutcome)
    {
        return ChannelRules.outcome(expiry, revealedAt, cancelled, time);
    }

    /// @notice A head, packed and unpacked again.
    function repack(Head calldata head) external pure returns (Head memory) {
        return ChannelHead.unpack(ChannelHead.pack(head));
    }

    /// @notice A word of outcomes with one noted, and what it then says at an index.
    function note(uint256 outcomes, uint256 index, LockOutcome noted)
        external
        pure
        returns (uint256 word, LockOutcome found)
    {
        word = ChannelHead.noting(outcomes, index, noted);
        found = ChannelHead.outcomeAt(word, index);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Scores} from "../../interfaces/IOracleCourt.sol";
import {DeliveryState} from "../protocol/Enums.sol";
import {TaskRules} from "../tasks/TaskRules.sol";

/// @title TaskRulesHarness
/// @notice Lets tests call the rules of tasks.
contract TaskRulesHarness {
    function rank(Scores calldata scores, uint256 counted, uint256 threshold)
        external
        pure
        returns (uint256 passed, uint256 best)
    {
        return TaskRules.rank(scores, counted, threshold);
    }

    function scoresAt(Scores calldata scores) external pure returns (uint256[] memory entries) {
        entries = new uint256[](64);
        for (uint256 i; i < 64; ++i) {
            entries[i] = TaskRules.scoreAt(scores, i);
        }
    }

    function isWithoutValidation(Scores calldata scores) external pure returns (bool) {
        return TaskRules.isWithoutValidation(scores);
    }

    function split(uint256 reward, uint256 count) external pure returns (uint256 ofBest, uint256 ofOther) {
        return TaskRules.split(reward, count);
    }

    function left(uint256 amount, uint256 count) external pure returns (uint256) {
        return TaskRules.left(amount, count);
    }

    function size(uint256 set) external pure returns (uint256) {
        return TaskRules.size(set);
    }

    /// @notice The word of these states, all claimed whose bit is in `claimed`, and what is read back of it.
    function states(DeliveryState[] calldata given, uint256 claimed)
        external
        pure
        returns (uint256 word, DeliveryState[] memory read, bool[] memory readClaimed)
    {
        for (uint256 i; i < given.length; ++i) {
            word = TaskRules.withState(word, i, given[i]);
            if (TaskRules.has(claimed, i)) word = TaskRules.withClaim(word, i);
        }
        read = new DeliveryState[](given.length);
        readClaimed = new bool[](given.length);
        for (uint256 i; i < given.length; ++i) {
            (read[i], readClaimed[i]) = (TaskRules.stateAt(word, i), TaskRules.isClaimed(word, i));
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Content, PanelTerms} from "../../interfaces/IModelTasks.sol";
import {Scores} from "../../interfaces/IOracleCourt.sol";
import {MAX_FIRST_PANEL, MAX_SCORES, NO_VALIDATION} from "../protocol/Constants.sol";
import {DeliveryState} from "../protocol/Enums.sol";
import {ContentId} from "../provenance/ContentId.sol";

/// @title TaskRules
/// @notice What a task's ending makes of scores and money: pure, and identical to `handfast/tasks/rules.py`.
/// @dev A set of submissions is a word: bit i stands for position i, in the order of commitments. The states of
/// deliveries are a word, too: four bits for position i, from bit 4i on, of which the highest says that it was claimed.
library TaskRules {
    /// @dev Bits of one score; scores in a word.
    uint256 private constant _SCORE_BITS = 32;
    uint256 private constant _SCORES_IN_WORD = 8;

    uint256 private constant _STATE_MASK = 7;
    uint256 private constant _CLAIMED = 8;

    /// @notice Content is named by a root block that is raw (0x55) or dag-pb (0x70).
    error UnknownCodec(uint8 codec);
    /// @notice What the court would refuse when it is too late for somebody.
    error InvalidPanel(string what);

    /// @notice Refuse a name that nobody could read.
    function checkContent(Content calldata content) internal pure {
        uint8 codec = content.codec;
        require(codec == ContentId.RAW || codec == ContentId.DAG_PB, UnknownCodec(codec));
    }

    /// @notice Refuse terms of a panel on which the court could not be opened a case.
    function checkPanel(PanelTerms calldata panel, uint256 shortest, uint256 longest) internal pure {
        require(panel.seats % 2 == 1 && panel.seats <= MAX_FIRST_PANEL, InvalidPanel("seats"));
        _checkPeriod(panel.commitPeriod, shortest, longest, "commitPeriod");
        _checkPeriod(panel.revealPeriod, shortest, longest, "revealPeriod");
        _checkPeriod(panel.appealPeriod, shortest, longest, "appealPeriod");
    }

    function _checkPeriod(uint256 period, uint256 shortest, uint256 longest, string memory what) private pure {
        require(period >= shortest && period <= longest, InvalidPanel(what));
    }

    /// @notice Who of `counted` is at or above the threshold, and who is the best of them. (SPEC MT-5)
    /// @dev Always walks all MAX_SCORES entries, so that the number of submissions does not show in the cost.
    /// @return passed Subset of `counted`.
    /// @return best Position of its highest score, the lowest position among equals; zero for the empty set.
    function rank(Scores memory scores, uint256 counted, uint256 threshold)
        internal
        pure
        returns (uint256 passed, uint256 best)
    {
        uint256 highest;
        uint256 word;
        unchecked {
            for (uint256 i; i < MAX_SCORES; ++i) {
                word = i % _SCORES_IN_WORD == 0 ? scores.words[i / _SCORES_IN_WORD] : word << _SCORE_BITS;
                uint256 score = word >> 224;
                uint256 passes = score < threshold ? 0 : counted >> i & 1;
                passed |= passes << i;
                uint256 rank_ = passes * (score + 1);
                if (rank_ > highest) (highest, best) = (rank_, i);
            }
        }
    }

    /// @notice The entry at a position below MAX_SCORES.
    function scoreAt(Scores memory scores, uint256 position) internal pure returns (uint256) {
        unchecked {
            uint256 shift = _SCORE_BITS * (_SCORES_IN_WORD - 1 - position % _SCORES_IN_WORD);
            return scores.words[position / _SCORES_IN_WORD] >> shift & type(uint32).max;
        }
    }

    /// @notice Whether the panel says that there were no validation data to be had. (SPEC MT-4)
    /// @dev Voters put it in every entry or in none, so that the first entry's median tells what most of them say.
    function isWithoutValidation(Scores memory scores) internal pure returns (bool) {
        return scoreAt(scores, 0) == NO_VALIDATION;
    }

    /// @notice What the best and each other of `count` that passed get. (SPEC MT-5)
    /// @dev Half, rounded down, and an equal part of as much, rounded down. `count` is not zero.
    function split(uint256 reward, uint256 count) internal pure returns (uint256 ofBest, uint256 ofOther) {
        ofBest = reward / 2;
        if (count > 1) ofOther = ofBest / (count - 1);
    }

    /// @notice How many are in a set of positions below 64.
    /// @dev Adds bits in pairs, pairs in fours, fours in bytes, and all bytes by a product: whatever the set, one cost.
    function size(uint256 set) internal pure returns (uint256) {
        unchecked {
            set -= set >> 1 & 0x5555555555555555;
            set = (set & 0x3333333333333333) + (set >> 2 & 0x3333333333333333);
            set = (set + (set >> 4)) & 0x0f0f0f0f0f0f0f0f;
            return (set * 0x0101010101010101) >> 56 & 0x7f;
        }
    }

    /// @notice Whether a position is in a set.
    function has(uint256 set, uint256 position) internal pure returns (bool) {
        return set >> position & 1 != 0;
    }

    /// @notice The set with a position more.
    function with(uint256 set, uint256 position) internal pure returns (uint256) {
        return set | 1 << position;
    }

    // ------------------------------------------------------------------ deliveries

    /// @notice What is left of an amount that `count` share equally: all of it, if nobody does. (SPEC DT-6)
    function left(uint256 amount, uint256 count) internal pure returns (uint256) {
        return count == 0 ? amount : amount % count;
    }

    /// @notice Whether a delivery in this state shares the reward, once the judging period is over. (SPEC DT-3)
    function isHonest(DeliveryState state) internal pure returns (bool) {
        return state == DeliveryState.Delivered || state == DeliveryState.Honest;
    }

    function stateAt(uint256 states, uint256 position) internal pure returns (DeliveryState) {
        return DeliveryState(states >> 4 * position & _STATE_MASK);
    }

    function isClaimed(uint256 states, uint256 position) internal pure returns (bool) {
        return states >> 4 * position & _CLAIMED != 0;
    }

    function withState(uint256 states, uint256 position, DeliveryState state) internal pure returns (uint256) {
        return states & ~(_STATE_MASK << 4 * position) | uint256(state) << 4 * position;
    }

    function withClaim(uint256 states, uint256 position) internal pure returns (uint256) {
        return states | _CLAIMED << 4 * position;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Scores} from "../../interfaces/IOracleCourt.sol";
import {SCALE, SEAT_FEE, SEAT_LOSS, SEAT_STAKE, STAKE_UNIT} from "../protocol/Constants.sol";

/// @notice A voter of a panel: its number, its seats, and what the court holds of its vote (see CourtRules).
/// @param coherent Whether it agrees with the ruling, once that is known.
struct Ballot {
    uint256 voter;
    uint256 seats;
    uint256 word;
    bool coherent;
}

/// @notice What somebody paid into a case of choices.
/// @param right Whether the payer's side won; `wrong`: whether another did. Neither, of a payer without side.
/// @param earned Whether some seat of the round earns the fee.
struct Contribution {
    uint256 fee;
    uint256 security;
    bool right;
    bool wrong;
    bool earned;
}

/// @title CourtRules
/// @notice What a panel's votes amount to, and who is paid what. (SPEC OC-5, OC-8 to OC-13)
/// @dev Identical to `handfast/disputes/rules.py`.
///
/// Of a vote the court holds one word: zero before the commitment; the commitment with its last bit cleared; then twice
/// the choice plus one, or the hash of the scores with its last bit set.
library CourtRules {
    /// @dev In STAKE_UNIT.
    uint256 internal constant SEAT_UNITS = SEAT_STAKE / STAKE_UNIT;
    uint256 internal constant LOSS_UNITS = SEAT_STAKE * SEAT_LOSS / SCALE / STAKE_UNIT;

    /// @dev Voters are credited whole multiples of this, so that a credit takes 64 bits.
    uint256 internal constant CREDIT_UNIT = 1 gwei;

    /// @dev Bits of every second lane of 32, and the bit above each.
    uint256 private constant _LANES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant _ABOVE = 0x0000000100000000000000010000000000000001000000000000000100000000;

    // ------------------------------------------------------------------ panels

    function feeOf(uint256 seats) internal pure returns (uint256) {
        return seats * SEAT_FEE;
    }

    /// @notice Block whose randomness draws a panel: the first multiple of twice the delay that is not before the delay is
    /// over. Stakes are still from the delay before it on. (SPEC OC-3, OC-4)
    function drawHeight(uint256 current, uint256 delay) internal pure returns (uint256) {
        return Math.ceilDiv(current + delay, 2 * delay) * 2 * delay;
    }

    /// @notice Where in the weights a try for a seat falls. (SPEC OC-5)
    function pointOf(uint256 seed, uint256 id, uint256 round, uint256 seat, uint256 attempt, uint256 total)
        internal
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(seed, id, round, seat, attempt))) % total;
    }

    /// @notice Key of what the court keeps of a round under an index.
    function placeOf(uint256 id, uint256 round, uint256 index) internal pure returns (uint256) {
        return (id << 40) | (round << 32) | index;
    }

    // ------------------------------------------------------------------ votes

    function committed(bytes32 vote) internal pure returns (uint256) {
        return uint256(vote) & ~uint256(1);
    }

    function revealed(uint256 choice) internal pure returns (uint256) {
        return (choice << 1) | 1;
    }

    function revealed(bytes32 scores) internal pure returns (uint256) {
        return uint256(scores) | 1;
    }

    function isRevealed(uint256 word) internal pure returns (bool) {
        return word & 1 == 1;
    }

    function hashOf(Scores memory scores) internal pure returns (bytes32) {
        return keccak256(abi.encode(scores));
    }

    /// @notice Whether all entries beyond the first `size` are zero.
    function fits(Scores memory scores, uint256 size) internal pure returns (bool) {
        for (uint256 i; i < 8; ++i) {
            uint256 used = Math.min(Math.saturatingSub(size, 8 * i), 8);
            if (scores.words[i] & (type(uint256).max >> (32 * used)) != 0) return false;
        }
        return true;
    }

    /// @notice The option with most seats; zero for a tie, or if nobody revealed. (SPEC OC-10)
    function winnerOf(Ballot[] memory ballots, uint256 size) internal pure returns (uint256 winner) {
        unchecked {
            uint256[] memory counts = new uint256[](size + 1);
            for (uint256 i; i < ballots.length; ++i) {
                if (isRevealed(ballots[i].word)) counts[ballots[i].word >> 1] += ballots[i].seats;
            }
            uint256 most;
            for (uint256 choice = 1; choice <= size; ++choice) {
                if (counts[choice] > most) (most, winner) = (counts[choice], choice);
                else if (counts[choice] == most) winner = 0;
            }
        }
    }

    /// @notice The lower median of each entry, where a voter counts as often as it has seats. (SPEC OC-10)
    /// @dev `scores` has those of the ballots that were revealed, in their order. At most 127 seats.
    function mediansOf(Ballot[] memory ballots, Scores[] memory scores) internal pure returns (Scores memory medians) {
        uint256 seats;
        for (uint256 i; i < ballots.length; ++i) {
            if (isRevealed(ballots[i].word)) seats += ballots[i].seats;
        }
        uint256[] memory column = new uint256[](seats);
        for (uint256 word; word < 8; ++word) {
            uint256 filled;
            uint256 next;
            uint256 any;
            for (uint256 i; i < ballots.length; ++i) {
                if (!isRevealed(ballots[i].word)) continue;
                uint256 entries = scores[next++].words[word];
                any |= entries;
                for (uint256 seat; seat < ballots[i].seats; ++seat) {
                    column[filled++] = entries;
                }
            }
            if (any == 0) continue;
            _sortLanes(column);
            medians.words[word] = column[(seats - 1) / 2];
        }
    }

    /// @notice Whether scores are within the tolerance of the medians in each of the first `size` entries. (SPEC OC-11)
    function isNear(Scores memory scores, Scores memory medians, uint256 size, uint256 tolerance)
        internal
        pure
        returns (bool)
    {
        for (uint256 i; i < size; ++i) {
            uint256 shift = 224 - 32 * (i & 7);
            uint256 score = uint32(scores.words[i >> 3] >> shift);
            uint256 median = uint32(medians.words[i >> 3] >> shift);
            if ((score > median ? score - median : median - score) > tolerance) return false;
        }
        return true;
    }

    // ------------------------------------------------------------------ money

    /// @notice What each coherent seat of a round is paid, what the first voter has on top because it does not divide, and
    /// what nobody earned. Rewards are whole multiples of CREDIT_UNIT, and so are fees and losses. (SPEC OC-13)
    /// @param fee What the round's seats earn, in smallest units.
    /// @param coherent Seats.
    /// @param others Seats that lose.
    function rewardOf(uint256 fee, uint256 coherent, uint256 others)
        internal
        pure
        returns (uint256 reward, uint256 odd, uint256 burnt)
    {
        uint256 lost = others * LOSS_UNITS * STAKE_UNIT;
        if (coherent == 0) return (0, 0, lost);
        reward = (fee + lost) / coherent / CREDIT_UNIT * CREDIT_UNIT;
        odd = fee + lost - coherent * reward;
    }

    /// @notice What each payer is credited at the end of a case of choices, and what stays owed to those whose side won.
    /// @dev Fees that no seat earned go back. The securities of the losers make good the earned fees of the winners, both
    /// in the order of the rounds. (SPEC OC-13)
    function divide(Contribution[] memory paid) internal pure returns (uint256[] memory credits, uint256 costs) {
        uint256[] memory owed = new uint256[](paid.length);
        uint256[] memory pledged = new uint256[](paid.length);
        credits = new uint256[](paid.length);
        uint256 pool;
        for (uint256 i; i < paid.length; ++i) {
            Contribution memory each = paid[i];
            if (!each.earned) credits[i] += each.fee;
            else if (each.right) owed[i] = each.fee;
            if (each.wrong) pledged[i] = each.security;
            else credits[i] += each.security;
            costs += owed[i];
            pool += pledged[i];
        }
        uint256 covered = Math.min(costs, pool);
        costs -= covered;
        uint256[] memory given = slices(owed, 0, covered);
        uint256[] memory taken = slices(pledged, 0, covered);
        for (uint256 i; i < paid.length; ++i) {
            credits[i] += given[i] + pledged[i] - taken[i];
        }
    }

    /// @notice Whom an amount of the costs goes to, of which so much was left: those whose side won, in the order of the rounds.
    function madeGood(Contribution[] memory paid, uint256 left, uint256 amount)
        internal
        pure
        returns (uint256[] memory parts)
    {
        uint256[] memory owed = new uint256[](paid.length);
        uint256 total;
        for (uint256 i; i < paid.length; ++i) {
            if (paid[i].earned && paid[i].right) owed[i] = paid[i].fee;
            total += owed[i];
        }
        return slices(owed, total - left, total - left + amount);
    }

    /// @notice How much of each amount lies between two marks, when they are laid end to end.
    function slices(uint256[] memory amounts, uint256 from, uint256 to) internal pure returns (uint256[] memory parts) {
        parts = new uint256[](amounts.length);
        uint256 start;
        for (uint256 i; i < amounts.length; ++i) {
            uint256 end = start + amounts[i];
            parts[i] = Math.saturatingSub(Math.min(end, to), Math.max(start, from));
            start = end;
        }
    }

    // ------------------------------------------------------------------ sorting

    /// @dev Sorts eight columns of 32 bits at once, by Batcher's merge exchange [Knuth 5.2.2 M]: what it compares does not
    /// depend on the votes, so nobody can make it cost more.
    function _sortLanes(uint256[] memory column) private pure {
        uint256 length = column.length;
        if (length < 2) return;
        uint256 top = 1 << Math.log2(length - 1);
        unchecked {
            for (uint256 step = top; step > 0; step >>= 1) {
                uint256 reach = top;
                uint256 rest;
                uint256 gap = step;
                while (true) {
                    for (uint256 i; i + gap < length; ++i) {
                        if (i & step == rest) _putInOrder(column, i, gap);
                    }
                    if (reach == step) break;
                    gap = reach - step;
                    reach >>= 1;
                    rest = step;
                }
            }
        }
    }

    /// @dev Puts the lesser of each lane at `i`, the greater `gap` behind. A lane and the bit above it, less another, keep
    /// that bit unless the lane is less. Assembly spares the checks of both indices, which the caller keeps below the
    /// length: the medians of 127 seats and 64 scores take 4 instead of 13 million gas.
    function _putInOrder(uint256[] memory column, uint256 i, uint256 gap) private pure {
        assembly ("memory-safe") {
            let left := add(add(column, 32), shl(5, i))
            let right := add(left, shl(5, gap))
            let a := mload(left)
            let b := mload(right)
            let even := and(sub(or(and(a, _LANES), _ABOVE), and(b, _LANES)), _ABOVE)
            let odd := and(sub(or(and(shr(32, a), _LANES), _ABOVE), and(shr(32, b), _LANES)), _ABOVE)
            let lanes := or(sub(even, shr(32, even)), shl(32, sub(odd, shr(32, odd))))
            let swapped := and(xor(a, b), lanes)
            mstore(left, xor(a, swapped))
            mstore(right, xor(b, swapped))
        }
    }
}

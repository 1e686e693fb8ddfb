// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    DECAY,
    FINE,
    GAMMA,
    LEVY_FLAT,
    LEVY_SHARE,
    MU_FAMILIARITY,
    MU_FRESHNESS,
    MU_WORTH,
    SCALE,
    WORTH_ONE
} from "../protocol/Constants.sol";

/// @title ReputationRules
/// @notice What an opinion is worth and what a provider's score is: MWSL in integers. (SPEC RP-20 to RP-30)
/// @dev Identical to `handfast/reputation/rules.py` to the last bit. All divisions round down. Nothing here overflows
/// or divides by zero for what a leaf can hold: a pair that was rated, a provider with interactions, epochs of 32 bits.
library ReputationRules {
    /// @notice What one client holds of one provider. (SPEC RP-11)
    /// @param epoch Of the newest opinion; so is the fee, in FEE_UNIT.
    /// @param worth Of all others, in grown money: times 2^exponent.
    struct Pair {
        uint256 positives;
        uint256 negatives;
        uint256 epoch;
        uint256 fee;
        uint256 worth;
        uint256 exponent;
    }

    /// @notice Satisfying, unsatisfying and uncertainty levels out of FINE. [prosecutor eq. 7]
    struct Levels {
        uint256 s;
        uint256 u;
        uint256 c;
    }

    /// @notice Levels and the score that follows from them, out of SCALE. [prosecutor eq. 12]
    struct Score {
        uint256 s;
        uint256 u;
        uint256 c;
        uint256 score;
    }

    /// @notice A fold's partial sum. (SPEC RP-30)
    /// @param worth Faded worth of the clients so far; in the second pass, of all.
    /// @param weight Sum of weights; `s` and `c`: of weight times level.
    struct Sums {
        uint256 worth;
        uint256 weight;
        uint256 s;
        uint256 c;
    }

    /// @notice What the weight of each of a provider's clients depends on besides the client. (SPEC RP-26)
    /// @param exponent Largest of the clients that have worth.
    /// @param interactions Opinions on the provider.
    /// @param epoch The present.
    struct Scene {
        uint256 exponent;
        uint256 interactions;
        uint256 epoch;
    }

    /// @notice Satisfied and uncertain are more than one together.
    error LevelsExceedOne(uint256 s, uint256 c);

    /// @dev A mantissa of `growth` lies in [2^62, 2^63); worth keeps its upper bits.
    uint256 private constant _GROWTH_BITS = 62;
    uint256 private constant _GROWTH_ONE = 1 << _GROWTH_BITS;
    uint256 private constant _WORTH_SHIFT = 24;

    /// @notice What including an opinion of this fee burns, in FEE_UNIT, rounded up. (SPEC RP-20)
    function levy(uint256 fee) internal pure returns (uint256) {
        return LEVY_FLAT + Math.ceilDiv(fee * LEVY_SHARE, SCALE);
    }

    // ------------------------------------------------------------------ time

    /// @notice θ^-epochs is about mantissa · 2^(exponent - 62). (SPEC RP-24)
    /// @param epochs Less than 2^32.
    function growth(uint256 epochs) internal pure returns (uint256 mantissa, uint256 exponent) {
        mantissa = _GROWTH_ONE;
        (uint256 square, uint256 squareExponent) = _normal(_GROWTH_ONE * SCALE / DECAY, 0);
        while (epochs != 0) {
            if (epochs & 1 == 1) {
                (mantissa, exponent) = _normal(mantissa * square >> _GROWTH_BITS, exponent + squareExponent);
            }
            epochs >>= 1;
            if (epochs != 0) (square, squareExponent) = _normal(square * square >> _GROWTH_BITS, 2 * squareExponent);
        }
    }

    function _normal(uint256 mantissa, uint256 exponent) private pure returns (uint256, uint256) {
        while (mantissa >> (_GROWTH_BITS + 1) != 0) {
            mantissa >>= 1;
            ++exponent;
        }
        return (mantissa, exponent);
    }

    /// @notice θ^age out of FINE. [prosecutor 5.3.2]
    function freshness(uint256 age) internal pure returns (uint256) {
        (uint256 mantissa, uint256 exponent) = growth(age);
        return (_GROWTH_ONE * FINE / mantissa) >> exponent;
    }

    // ------------------------------------------------------------------ opinions

    /// @notice Add an opinion; the newest so far joins the pair's worth. (SPEC RP-23, RP-24)
    /// @param epoch Not before the pair's.
    function rate(Pair memory pair, bool satisfied, uint256 fee, uint256 epoch) internal pure {
        if (pair.positives + pair.negatives != 0) {
            (uint256 mantissa, uint256 exponent) = growth(pair.epoch);
            pair.worth = (pair.worth >> (exponent - pair.exponent)) + pair.fee * (mantissa >> _WORTH_SHIFT);
            pair.exponent = exponent;
        }
        if (satisfied) ++pair.positives;
        else ++pair.negatives;
        pair.epoch = epoch;
        pair.fee = fee;
    }

    /// @notice A client's own opinion of a provider it has rated. [prosecutor eq. 7]
    function local(Pair memory pair) internal pure returns (Levels memory levels) {
        uint256 count = pair.positives + pair.negatives;
        levels.s = pair.positives * (count - 1) * FINE / (count * count);
        levels.c = FINE / count;
        levels.u = FINE - levels.s - levels.c;
    }

    // ------------------------------------------------------------------ folding a provider's clients

    /// @notice First pass over some clients: adds their worth, faded to one moment. (SPEC RP-30)
    function addWorth(Sums memory sums, Pair[] memory clients, Scene memory scene) internal pure {
        for (uint256 i; i < clients.length; ++i) {
            sums.worth += _faded(clients[i], scene);
        }
    }

    /// @notice Second pass over some clients: adds weights, and levels by weight. [prosecutor eq. 8-10]
    /// @param sums Its worth is that of all clients, from the first pass.
    function addWeights(Sums memory sums, Pair[] memory clients, Scene memory scene) internal pure {
        for (uint256 i; i < clients.length; ++i) {
            Levels memory levels = local(clients[i]);
            uint256 weight = _weight(clients[i], sums.worth, scene);
            sums.weight += weight;
            sums.s += weight * levels.s;
            sums.c += weight * levels.c;
        }
    }

    function _weight(Pair memory pair, uint256 worth, Scene memory scene) private pure returns (uint256) {
        uint256 familiarity = (pair.positives + pair.negatives) * FINE / scene.interactions;
        familiarity = MU_FAMILIARITY * familiarity / SCALE;
        uint256 recency = MU_FRESHNESS * freshness(scene.epoch - pair.epoch) / SCALE;
        uint256 share = worth == 0 ? 0 : _faded(pair, scene) * WORTH_ONE / worth;
        share = MU_WORTH * share / (SCALE * WORTH_ONE / FINE);
        return Math.sqrt(familiarity * familiarity + recency * recency + share * share);
    }

    function _faded(Pair memory pair, Scene memory scene) private pure returns (uint256) {
        return pair.worth >> (scene.exponent - pair.exponent);
    }

    /// @notice The average of the folded clients' opinions by weight. [prosecutor eq. 10] (SPEC RP-27)
    function reference_(Sums memory sums) internal pure returns (Levels memory levels) {
        levels.c = FINE;
        if (sums.weight != 0) {
            levels.s = sums.s / sums.weight;
            levels.c = sums.c / sums.weight;
            levels.u = FINE - levels.s - levels.c;
        }
    }

    // ------------------------------------------------------------------ scores

    /// @notice The score that a row of these levels out of SCALE stands for. (SPEC RP-23)
    function rolledUp(uint256 s, uint256 c) internal pure returns (Score memory) {
        require(s + c <= SCALE, LevelsExceedOne(s, c));
        return Score({s: s, u: SCALE - s - c, c: c, score: _scoreOf(s, c)});
    }

    /// @notice The score of a provider all of whose clients were folded. (SPEC RP-28)
    function neutral(Sums memory sums) internal pure returns (Score memory) {
        Levels memory levels = reference_(sums);
        return rolledUp(levels.s / (FINE / SCALE), levels.c / (FINE / SCALE));
    }

    /// @notice A provider's score in the eyes of one client. [prosecutor eq. 10-12] (SPEC RP-29)
    /// @param others Fold of all other clients.
    /// @param own What the client itself holds; zeros if nothing.
    /// @param sensitivity Out of SCALE.
    function personal(Sums memory others, Pair memory own, uint256 sensitivity) internal pure returns (Score memory) {
        Levels memory levels = reference_(others);
        levels.s = levels.s * (SCALE - sensitivity) / SCALE;
        levels.u = levels.u * sensitivity / SCALE;
        if (own.positives + own.negatives != 0) levels = fuse(local(own), levels);
        uint256 s = levels.s / (FINE / SCALE);
        uint256 c = levels.c / (FINE / SCALE);
        return Score({s: s, u: levels.u / (FINE / SCALE), c: c, score: _scoreOf(s, c)});
    }

    /// @notice Join a client's own opinion with the reference opinion. [prosecutor eq. 11] (SPEC RP-29)
    function fuse(Levels memory own, Levels memory others) internal pure returns (Levels memory) {
        uint256 either = own.c + others.c - own.c * others.c / FINE;
        return Levels({
            s: (own.s * others.c + others.s * own.c) / either,
            u: (own.u * others.c + others.u * own.c) / either,
            c: own.c * others.c / either
        });
    }

    function _scoreOf(uint256 s, uint256 c) private pure returns (uint256) {
        return s + GAMMA * c / SCALE;
    }
}

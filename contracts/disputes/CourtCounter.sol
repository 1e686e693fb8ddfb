// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IOracleCourt, Scores} from "../../interfaces/IOracleCourt.sol";
import {Ballot, Contribution, CourtRules} from "./CourtRules.sol";

/// @title CourtCounter
/// @notice Counts votes that are score vectors, and divides what was paid: for OracleCourt, which creates it. Without state,
/// and apart because code has a largest size (EIP-170).
/// @dev Its errors are IOracleCourt's, and pass through the court.
contract CourtCounter {
    /// @notice Medians of what a panel revealed.
    /// @param revealed Scores of the ballots that were revealed, in their order.
    function medians(Ballot[] calldata ballots, Scores[] calldata revealed)
        external
        pure
        returns (Scores memory found, bytes32 hash)
    {
        _requireGiven(ballots, revealed);
        found = CourtRules.mediansOf(ballots, revealed);
        hash = CourtRules.hashOf(found);
    }

    /// @notice Marks the ballots that are coherent with the final medians; none is if there are none.
    /// @param final_ The medians.
    /// @param hash What the court keeps of them, zero if there are none.
    function mark(
        Ballot[] memory ballots,
        Scores[] calldata revealed,
        Scores calldata final_,
        bytes32 hash,
        uint256 size,
        uint256 tolerance
    ) external pure returns (Ballot[] memory) {
        _requireGiven(ballots, revealed);
        if (hash == 0) return ballots;
        bytes32 given = CourtRules.hashOf(final_);
        require(given == hash, IOracleCourt.InvalidBallot(0, given));
        uint256 next;
        for (uint256 i; i < ballots.length; ++i) {
            if (!CourtRules.isRevealed(ballots[i].word)) continue;
            ballots[i].coherent = CourtRules.isNear(revealed[next++], final_, size, tolerance);
        }
        return ballots;
    }

    /// @notice Hash of scores that are zero beyond the first `size` entries.
    function hashOf(Scores calldata scores, uint256 size) external pure returns (bytes32) {
        require(CourtRules.fits(scores, size), IOracleCourt.InvalidScores(size));
        return CourtRules.hashOf(scores);
    }

    /// @notice CourtRules.divide.
    function divide(Contribution[] calldata paid) external pure returns (uint256[] memory credits, uint256 costs) {
        return CourtRules.divide(paid);
    }

    /// @notice CourtRules.madeGood.
    function madeGood(Contribution[] calldata paid, uint256 left, uint256 amount)
        external
        pure
        returns (uint256[] memory)
    {
        return CourtRules.madeGood(paid, left, amount);
    }

    /// @dev The court keeps hashes of what was revealed.
    function _requireGiven(Ballot[] memory ballots, Scores[] calldata revealed) private pure {
        uint256 next;
        for (uint256 i; i < ballots.length; ++i) {
            if (!CourtRules.isRevealed(ballots[i].word)) continue;
            require(next < revealed.length, IOracleCourt.WrongBallots(revealed.length, next + 1));
            bytes32 given = CourtRules.hashOf(revealed[next++]);
            require(CourtRules.revealed(given) == ballots[i].word, IOracleCourt.InvalidBallot(ballots[i].voter, given));
        }
        require(next == revealed.length, IOracleCourt.WrongBallots(revealed.length, next));
    }
}

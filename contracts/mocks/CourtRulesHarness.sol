// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Scores} from "../../interfaces/IOracleCourt.sol";
import {BlockHeader} from "../disputes/BlockHeader.sol";
import {CaseHead, Head, Payment} from "../disputes/CaseHead.sol";
import {Ballot, Contribution, CourtRules} from "../disputes/CourtRules.sol";
import {StakeTree} from "../disputes/StakeTree.sol";

/// @title CourtRulesHarness
/// @notice Lets tests call the pure libraries of the court, and one tree of stakes.
contract CourtRulesHarness {
    using StakeTree for StakeTree.Tree;

    StakeTree.Tree private _tree;

    function append(uint256 weight) external {
        _tree.set(_tree.append(), weight);
    }

    /// @notice Append many weights in one call.
    function appendAll(uint256[] calldata weights) external {
        for (uint256 i; i < weights.length; ++i) {
            _tree.set(_tree.append(), weights[i]);
        }
    }

    function set(uint256 position, uint256 weight) external {
        _tree.set(position, weight);
    }

    function find(uint256 point) external view returns (uint256 position, uint256 weight) {
        return _tree.find(point);
    }

    function total() external view returns (uint256) {
        return _tree.total();
    }

    function weightAt(uint256 position) external view returns (uint256) {
        return _tree.weightAt(position);
    }

    function hashAt(uint256 height) external view returns (bytes32) {
        return BlockHeader.hashAt(height);
    }

    function mixOf(bytes calldata header) external pure returns (uint256) {
        return BlockHeader.mixOf(header);
    }

    function drawHeight(uint256 current, uint256 delay) external pure returns (uint256) {
        return CourtRules.drawHeight(current, delay);
    }

    function pointOf(uint256 seed, uint256 id, uint256 round, uint256 seat, uint256 attempt, uint256 total_)
        external
        pure
        returns (uint256)
    {
        return CourtRules.pointOf(seed, id, round, seat, attempt, total_);
    }

    function winnerOf(Ballot[] calldata ballots, uint256 size) external pure returns (uint256) {
        return CourtRules.winnerOf(ballots, size);
    }

    function mediansOf(Ballot[] calldata ballots, Scores[] calldata scores) external pure returns (Scores memory) {
        return CourtRules.mediansOf(ballots, scores);
    }

    function isNear(Scores calldata scores, Scores calldata medians, uint256 size, uint256 tolerance)
        external
        pure
        returns (bool)
    {
        return CourtRules.isNear(scores, medians, size, tolerance);
    }

    function fits(Scores calldata scores, uint256 size) external pure returns (bool) {
        return CourtRules.fits(scores, size);
    }

    function words(bytes32 vote, uint256 choice, bytes32 scores) external pure returns (uint256, uint256, uint256) {
        return (CourtRules.committed(vote), CourtRules.revealed(choice), CourtRules.revealed(scores));
    }

    function rewardOf(uint256 fee, uint256 coherent, uint256 others) external pure returns (uint256, uint256, uint256) {
        return CourtRules.rewardOf(fee, coherent, others);
    }

    function divide(Contribution[] calldata paid) external pure returns (uint256[] memory, uint256) {
        return CourtRules.divide(paid);
    }

    function madeGood(Contribution[] calldata paid, uint256 left, uint256 amount)
        external
        pure
        returns (uint256[] memory)
    {
        return CourtRules.madeGood(paid, left, amount);
    }

    function slices(uint256[] calldata amounts, uint256 from, uint256 to) external pure returns (uint256[] memory) {
        return CourtRules.slices(amounts, from, to);
    }

    /// @notice A head and a payment, packed and unpacked again.
    function repack(Head calldata head, Payment calldata payment) external pure returns (Head memory, Payment memory) {
        return (CaseHead.unpack(CaseHead.pack(head)), CaseHead.unpackPayment(CaseHead.pack(payment)));
    }
}

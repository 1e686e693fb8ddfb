// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BatchHeader, ClientLeaf, ProviderLeaf, ShardState} from "../../interfaces/IReputationRollup.sol";
import {ReputationLeaves} from "../reputation/ReputationLeaves.sol";
import {ReputationRules} from "../reputation/ReputationRules.sol";

/// @title ReputationHarness
/// @notice Lets tests call the rules and the hashes of leaves.
contract ReputationHarness {
    using ReputationRules for ReputationRules.Sums;

    function levy(uint256 fee) external pure returns (uint256) {
        return ReputationRules.levy(fee);
    }

    function growth(uint256[] calldata epochs) external pure returns (uint256[2][] memory grown) {
        grown = new uint256[2][](epochs.length);
        for (uint256 i; i < epochs.length; ++i) {
            (grown[i][0], grown[i][1]) = ReputationRules.growth(epochs[i]);
        }
    }

    function freshness(uint256[] calldata ages) external pure returns (uint256[] memory fresh) {
        fresh = new uint256[](ages.length);
        for (uint256 i; i < ages.length; ++i) {
            fresh[i] = ReputationRules.freshness(ages[i]);
        }
    }

    /// @notice The pair after a history of opinions.
    function rate(bool[] calldata satisfied, uint256[] calldata fees, uint256[] calldata epochs)
        external
        pure
        returns (ReputationRules.Pair memory pair)
    {
        for (uint256 i; i < satisfied.length; ++i) {
            ReputationRules.rate(pair, satisfied[i], fees[i], epochs[i]);
        }
    }

    function local(ReputationRules.Pair calldata pair) external pure returns (ReputationRules.Levels memory) {
        return ReputationRules.local(pair);
    }

    function addWorth(
        ReputationRules.Sums memory sums,
        ReputationRules.Pair[] calldata clients,
        ReputationRules.Scene calldata scene
    ) external pure returns (ReputationRules.Sums memory) {
        sums.addWorth(clients, scene);
        return sums;
    }

    function addWeights(
        ReputationRules.Sums memory sums,
        ReputationRules.Pair[] calldata clients,
        ReputationRules.Scene calldata scene
    ) external pure returns (ReputationRules.Sums memory) {
        sums.addWeights(clients, scene);
        return sums;
    }

    function neutral(ReputationRules.Sums calldata sums) external pure returns (ReputationRules.Score memory) {
        return ReputationRules.neutral(sums);
    }

    function personal(ReputationRules.Sums calldata others, ReputationRules.Pair calldata own, uint256 sensitivity)
        external
        pure
        returns (ReputationRules.Score memory)
    {
        return ReputationRules.personal(others, own, sensitivity);
    }

    function rolledUp(uint256 s, uint256 c) external pure returns (ReputationRules.Score memory) {
        return ReputationRules.rolledUp(s, c);
    }

    function hashClient(ClientLeaf calldata leaf) external pure returns (bytes32) {
        return ReputationLeaves.hash(leaf);
    }

    function hashProvider(ProviderLeaf calldata leaf) external pure returns (bytes32) {
        return ReputationLeaves.hash(leaf);
    }

    function hashState(ShardState calldata state) external pure returns (bytes32) {
        return ReputationLeaves.hash(state);
    }

    function hashHeader(BatchHeader calldata header) external pure returns (bytes32) {
        return ReputationLeaves.hash(header);
    }

    function segmentLeaf(bytes calldata segment, bytes32 before, bytes32 after_) external pure returns (bytes32) {
        return ReputationLeaves.segmentLeaf(segment, before, after_);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ModelTasksHandler} from "./ModelTasksHandler.sol";
import {TaskWorld} from "./TaskWorld.sol";

/// @title ModelTasksInvariants
/// @notice Whatever requesters, workers and the court do, in any order: MT-I1 to MT-I3.
contract ModelTasksInvariants {
    ModelTasksHandler private _handler;

    function setUp() external {
        _handler = new ModelTasksHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), _actions());
    }

    /// @dev As forge reads it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](8);
        actions[0] = ModelTasksHandler.create.selector;
        actions[1] = ModelTasksHandler.commit.selector;
        actions[2] = ModelTasksHandler.reveal.selector;
        actions[3] = ModelTasksHandler.publish.selector;
        actions[4] = ModelTasksHandler.rule.selector;
        actions[5] = ModelTasksHandler.settle.selector;
        actions[6] = ModelTasksHandler.claim.selector;
        actions[7] = TaskWorld.passTime.selector;
    }

    /// @notice A campaign in which nothing ever succeeds would find nothing: each action must, in two thousand tries.
    function test_every_action_of_the_model_campaign_succeeds_sometimes() external {
        bytes4[] memory actions = _actions();
        string[8] memory names = ["create", "commit", "reveal", "publish", "rule", "settle", "claim", "passTime"];
        bool[8] memory seen;
        for (uint256 i; i < 2_000; ++i) {
            if (i % 200 == 199) _handler = new ModelTasksHandler();
            bytes32 seed = keccak256(abi.encode(i));
            (bool success,) = address(_handler).call(abi.encodePacked(actions[uint256(seed) % actions.length], seed));
            require(success, "an action reverted");
            require(bytes(_handler.violation()).length == 0, _handler.violation());
            for (uint256 j; j < names.length; ++j) {
                if (_handler.done(names[j]) != 0) seen[j] = true;
            }
        }
        for (uint256 j; j < names.length; ++j) {
            require(seen[j], names[j]);
        }
    }

    /// forge-config: default.invariant.check-interval = 10
    /// forge-config: fuzz.invariant.check-interval = 10
    function invariant_escrows_of_model_tasks_conserve() external view {
        require(bytes(_handler.violation()).length == 0, _handler.violation());
        require(
            _handler.TOKEN().balanceOf(address(_handler.TASKS())) == _handler.owed(), "what is held is not what is owed"
        );
    }

    /// @notice At the end of each run everything ends, whoever is silent.
    function afterInvariant() external {
        _handler.finish();
        require(bytes(_handler.violation()).length == 0, _handler.violation());
    }
}

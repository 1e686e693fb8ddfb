// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DataTasksHandler} from "./DataTasksHandler.sol";
import {TaskWorld} from "./TaskWorld.sol";

/// @title DataTasksInvariants
/// @notice Whatever requesters, workers and the court do, in any order: DT-I1 to DT-I3.
contract DataTasksInvariants {
    DataTasksHandler private _handler;

    function setUp() external {
        _handler = new DataTasksHandler();
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
        actions = new bytes4[](10);
        actions[0] = DataTasksHandler.create.selector;
        actions[1] = DataTasksHandler.deliver.selector;
        actions[2] = DataTasksHandler.proveWrongKey.selector;
        actions[3] = DataTasksHandler.judge.selector;
        actions[4] = DataTasksHandler.dispute.selector;
        actions[5] = DataTasksHandler.rule.selector;
        actions[6] = DataTasksHandler.resolve.selector;
        actions[7] = DataTasksHandler.settle.selector;
        actions[8] = DataTasksHandler.claim.selector;
        actions[9] = TaskWorld.passTime.selector;
    }

    /// @notice A campaign in which nothing ever succeeds would find nothing: each action must, in two thousand tries.
    function test_every_action_of_the_data_campaign_succeeds_sometimes() external {
        bytes4[] memory actions = _actions();
        string[10] memory names =
            ["create", "deliver", "voided", "upheld", "judge", "dispute", "rule", "resolve", "settle", "claim"];
        bool[10] memory seen;
        for (uint256 i; i < 2_000; ++i) {
            if (i % 200 == 199) _handler = new DataTasksHandler();
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
    function invariant_escrows_of_data_tasks_conserve() external view {
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

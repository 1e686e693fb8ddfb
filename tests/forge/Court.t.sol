// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CourtHandler} from "./CourtHandler.sol";

/// @title CourtInvariants
/// @notice Whatever voters, payers and clients do, in any order: OC-I1 to OC-I4, and every case ends and pays out.
contract CourtInvariants {
    /// @dev As forge reads it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    CourtHandler private _handler;

    function setUp() external {
        _handler = new CourtHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), _actions());
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](14);
        actions[0] = CourtHandler.stake.selector;
        actions[1] = CourtHandler.unstake.selector;
        actions[2] = CourtHandler.withdraw.selector;
        actions[3] = CourtHandler.open.selector;
        actions[4] = CourtHandler.advance.selector;
        actions[5] = CourtHandler.draw.selector;
        actions[6] = CourtHandler.commit.selector;
        actions[7] = CourtHandler.reveal.selector;
        actions[8] = CourtHandler.appeal.selector;
        actions[9] = CourtHandler.settle.selector;
        actions[10] = CourtHandler.payCosts.selector;
        actions[11] = CourtHandler.pass.selector;
        actions[12] = CourtHandler.commit.selector;
        actions[13] = CourtHandler.reveal.selector;
    }

    /// @notice A campaign in which nothing ever succeeds would find nothing: each action must, in some thousand tries.
    function test_every_action_of_the_court_campaign_succeeds_sometimes() external {
        bytes4[] memory actions = _actions();
        string[12] memory names = [
            "stake",
            "unstake",
            "withdraw",
            "open",
            "advance",
            "draw",
            "commit",
            "reveal",
            "appeal",
            "settle",
            "payCosts",
            "pass"
        ];
        bool[12] memory seen;
        for (uint256 i; i < 3_000; ++i) {
            if (i % 500 == 499) {
                _handler.finish();
                require(bytes(_handler.violation()).length == 0, _handler.violation());
                _handler = new CourtHandler();
            }
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

    /// @dev The handler itself looks after each action.
    /// forge-config: default.invariant.runs = 15
    /// forge-config: default.invariant.check-interval = 10
    /// forge-config: fuzz.invariant.check-interval = 10
    function invariant_stakes_cover_locks_and_periods_go_on() external view {
        require(bytes(_handler.violation()).length == 0, _handler.violation());
    }

    /// @notice At the end of each run every case ends without anybody's consent, and all that is owed is paid out.
    function afterInvariant() external {
        _handler.finish();
        require(bytes(_handler.violation()).length == 0, _handler.violation());
    }
}

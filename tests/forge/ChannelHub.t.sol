// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ChannelHandler} from "./ChannelHandler.sol";

/// @title ChannelHubInvariants
/// @notice Whatever parties, tokens and wallets do, in any order: CH-I1 to CH-I5 and the forbidden transitions hold.
contract ChannelHubInvariants {
    /// @dev As forge reads it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant _NAMES = 12;

    ChannelHandler private _handler;
    mapping(uint256 name => bool) private _seen;

    function setUp() external {
        _handler = new ChannelHandler();
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
        actions = new bytes4[](15);
        actions[0] = ChannelHandler.fund.selector;
        actions[1] = ChannelHandler.open.selector;
        actions[2] = ChannelHandler.topUp.selector;
        actions[3] = ChannelHandler.donate.selector;
        actions[4] = ChannelHandler.withdraw.selector;
        actions[5] = ChannelHandler.closeCooperatively.selector;
        actions[6] = ChannelHandler.registerState.selector;
        actions[7] = ChannelHandler.settle.selector;
        actions[8] = ChannelHandler.resolve.selector;
        actions[9] = ChannelHandler.leave.selector;
        actions[10] = ChannelHandler.reveal.selector;
        actions[11] = ChannelHandler.collect.selector;
        actions[12] = ChannelHandler.passTime.selector;
        actions[13] = ChannelHandler.changeMood.selector;
        actions[14] = ChannelHandler.changeList.selector;
    }

    /// @notice A campaign in which nothing ever succeeds would find nothing: each action must, in two thousand tries.
    function test_every_action_of_the_campaign_succeeds_sometimes() external {
        bytes4[] memory actions = _actions();
        for (uint256 i; i < 2_000; ++i) {
            // A new world now and then, since channels end for ever.
            if (i % 200 == 199) _handler = new ChannelHandler();
            bytes32 seed = keccak256(abi.encode(i));
            (bool success,) = address(_handler).call(abi.encodePacked(actions[uint256(seed) % actions.length], seed));
            require(success, "an action reverted");
            _count();
        }
        for (uint256 i; i < _NAMES; ++i) {
            require(_seen[i], _names()[i]);
        }
        require(bytes(_handler.violation()).length == 0, _handler.violation());
    }

    function _count() private {
        string[_NAMES] memory names = _names();
        for (uint256 i; i < _NAMES; ++i) {
            if (_handler.done(names[i]) != 0) _seen[i] = true;
        }
    }

    function _names() private pure returns (string[_NAMES] memory) {
        return [
            "fund",
            "open",
            "topUp",
            "donate",
            "withdraw",
            "closeCooperatively",
            "registerState",
            "replaceState",
            "settle",
            "resolve",
            "leave",
            "collect"
        ];
    }

    /// @dev One function, so that one campaign checks all; the handler itself looks after each action.
    /// forge-config: default.invariant.check-interval = 10
    /// forge-config: fuzz.invariant.check-interval = 10
    function invariant_money_is_conserved_and_nothing_forbidden_happens() external view {
        require(bytes(_handler.violation()).length == 0, _handler.violation());
        require(_handler.reentries() == 0, "an action ran inside another");
        address[] memory tokens = _handler.tokens();
        for (uint256 i; i < tokens.length; ++i) {
            _requireCovered(tokens[i], i == 0);
        }
    }

    /// @notice At the end of each run everybody leaves alone, while all wallets refuse everything.
    function afterInvariant() external {
        _handler.finish();
        require(bytes(_handler.violation()).length == 0, _handler.violation());
        address[] memory tokens = _handler.tokens();
        for (uint256 i; i < tokens.length; ++i) {
            _requireCovered(tokens[i], i == 0);
        }
        _handler.collectAll();
    }

    function _requireCovered(address token, bool exactly) private view {
        address hub = address(_handler.HUB());
        uint256 held = token == address(0) ? hub.balance : IERC20(token).balanceOf(hub);
        uint256 owed = _handler.owed(token);
        require(held >= owed, "the hub owes more than it has");
        require(!exactly || held == owed, "the hub has more than it owes");
    }
}

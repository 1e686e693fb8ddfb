// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MarketHandler} from "./MarketHandler.sol";
import {vm} from "./Vm.sol";

/// @title MarketplaceInvariants
/// @notice Whatever sellers, buyers, courts and tokens do, in any order: MK-I1, MK-I2 and MK-I4 hold.
contract MarketplaceInvariants {
    /// @dev As forge reads it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant _TOKENS = 3;

    MarketHandler private _handler;

    function setUp() external {
        _handler = new MarketHandler();
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
        actions = new bytes4[](16);
        actions[0] = MarketHandler.trade.selector;
        actions[1] = MarketHandler.deliver.selector;
        actions[2] = MarketHandler.refund.selector;
        actions[3] = MarketHandler.finalise.selector;
        actions[4] = MarketHandler.claimWrongKey.selector;
        actions[5] = MarketHandler.claimWrongChunk.selector;
        actions[6] = MarketHandler.dispute.selector;
        actions[7] = MarketHandler.rule.selector;
        actions[8] = MarketHandler.resolve.selector;
        actions[9] = MarketHandler.rate.selector;
        actions[10] = MarketHandler.collect.selector;
        actions[11] = MarketHandler.unbond.selector;
        actions[12] = MarketHandler.bond.selector;
        actions[13] = MarketHandler.block_.selector;
        actions[14] = MarketHandler.passTime.selector;
        actions[15] = MarketHandler.deliver.selector;
    }

    /// @notice A campaign in which nothing ever succeeds would find nothing.
    function test_every_action_of_the_market_succeeds_sometimes() external {
        bytes4[] memory actions = _actions();
        for (uint256 i; i < 600; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (bool accepted,) = address(_handler).call(abi.encodeWithSelector(actions[seed % 16], seed));
            require(accepted, "an action reverted");
        }
        string[12] memory names = [
            "trade",
            "deliver",
            "refund",
            "finalise",
            "claimWrongKey",
            "claimWrongChunk",
            "dispute",
            "rule",
            "resolve",
            "rate",
            "collect",
            "unbond"
        ];
        for (uint256 i; i < names.length; ++i) {
            require(_handler.done(names[i]) > 0, names[i]);
        }
        this.invariant_escrow_is_what_is_open_and_owed();
    }

    /// @dev One function, so that one campaign checks all; the handler itself looks after each action.
    /// forge-config: default.invariant.check-interval = 10
    /// forge-config: fuzz.invariant.check-interval = 10
    function invariant_escrow_is_what_is_open_and_owed() external view {
        require(bytes(_handler.violation()).length == 0, _handler.violation());
        for (uint256 i; i < _TOKENS; ++i) {
            require(_handler.surplus(i) == 0, "escrow is not what is open and owed");
        }
    }

    /// @notice MK-I4: at the end everything ends, and MK-I1 still holds.
    function afterInvariant() external {
        _handler.endAll();
        this.invariant_escrow_is_what_is_open_and_owed();
    }
}

/// @title MarketplaceListings
/// @notice 2^16 listings: the next one costs what the second did.
contract MarketplaceListings {
    function test_the_next_of_many_listings_costs_what_the_second_did() external {
        MarketHandler handler = new MarketHandler();
        handler.publish(0);
        uint256 second = _cost(handler, 1);
        vm.pauseGasMetering();
        for (uint256 i = 2; i < 1 << 16; ++i) {
            handler.publish(i);
        }
        vm.resumeGasMetering();
        require(_cost(handler, 1 << 16) == second, "listings are walked");
    }

    function _cost(MarketHandler handler, uint256 number) private returns (uint256) {
        uint256 before = gasleft();
        handler.publish(number);
        return before - gasleft();
    }
}

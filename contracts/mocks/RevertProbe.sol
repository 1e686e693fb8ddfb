// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title RevertProbe
/// @notice Fails in every way that the tests' `reverts` has to tell apart.
contract RevertProbe {
    error Refused(address account, uint256 amount, bytes32 reason);
    error Overdrawn(uint256 amount);

    uint256 private _amount;

    function refuse(uint256 amount, bytes32 reason) external {
        _amount = amount;
        revert Refused(msg.sender, amount, reason);
    }

    function overdraw(uint256 amount) external pure {
        revert Overdrawn(amount);
    }

    function underflow(uint256 amount) external {
        _amount = 0;
        _amount -= amount;
    }

    function failSilently() external pure {
        require(false);
    }

    function succeed(uint256 amount) external {
        _amount = amount;
    }
}

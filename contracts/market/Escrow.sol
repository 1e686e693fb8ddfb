// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IEscrow} from "../../interfaces/IEscrow.sol";

/// @title Escrow
/// @notice How the market takes money in and hands it out: exact on the way in, pulled on the way out. (SPEC MK-7)
/// @dev Knows nothing of sales. What a token does, it does to those who use it: nothing here is counted across tokens.
abstract contract Escrow is IEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant _NATIVE = address(0);

    mapping(address token => mapping(address account => uint256 amount)) private _owed;

    /// @inheritdoc IEscrow
    function collect(address token, address to) external nonReentrant returns (uint256 amount) {
        amount = _owed[token][msg.sender];
        require(amount > 0, NothingOwed(token, msg.sender));
        _owed[token][msg.sender] = 0;
        emit Collected(token, msg.sender, to, amount);
        if (token == _NATIVE) {
            (bool paid,) = to.call{value: amount}("");
            require(paid, PaymentRefused(to, amount));
        } else {
            IERC20(token).safeTransfer(to, amount);
        }
    }

    /// @inheritdoc IEscrow
    function owedTo(address token, address account) external view returns (uint256 amount) {
        return _owed[token][account];
    }

    /// @dev Takes exactly `amount` from the caller, or reverts: tokens that tax a transfer are refused by that.
    function _take(address token, uint256 amount) internal {
        uint256 value = token == _NATIVE ? amount : 0;
        require(msg.value == value, ValueMismatch(msg.value, value));
        if (token == _NATIVE || amount == 0) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = IERC20(token).balanceOf(address(this)) - before;
        require(arrived == amount, AmountMismatch(token, arrived, amount));
    }

    /// @dev Pays the caller, whose own affair it is to take it: the native coin at once if it does, anything else is owed.
    function _giveBack(address token, uint256 amount) internal {
        if (token == _NATIVE) {
            (bool paid,) = msg.sender.call{value: amount}("");
            if (paid) return;
        }
        _owe(token, msg.sender, amount);
    }

    function _owe(address token, address account, uint256 amount) internal {
        _owed[token][account] += amount;
    }
}

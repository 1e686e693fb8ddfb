// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IEscrow
/// @notice Funds that come in whole and go out by being collected. Token zero is the native coin. (SPEC MK-7)
interface IEscrow {
    /// @notice The value sent is not the amount that is due in the native coin.
    error ValueMismatch(uint256 sent, uint256 needed);
    /// @notice The token took something for itself on the way, or added to it.
    error AmountMismatch(address token, uint256 arrived, uint256 needed);
    /// @notice Nothing is owed to the account.
    error NothingOwed(address token, address account);
    /// @notice The receiver refused the native coin.
    error PaymentRefused(address to, uint256 amount);

    /// @notice What was owed to `account` was paid to `to`.
    event Collected(address indexed token, address indexed account, address indexed to, uint256 amount);

    /// @notice Pay out all that is owed to the caller in a token.
    function collect(address token, address to) external returns (uint256 amount);

    /// @notice What an account can collect.
    function owedTo(address token, address account) external view returns (uint256 amount);
}

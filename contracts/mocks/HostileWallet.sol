// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title HostileWallet
/// @notice A contract account that is honest until it is told to be otherwise, when it is paid or asked for a signature.
contract HostileWallet is IERC1271 {
    enum Mood {
        Honest,
        Refuse,
        BurnGas,
        ReturnBomb,
        RevertBomb,
        Reenter,
        AcceptAnything
    }

    address private immutable _OWNER;

    Mood private _onPayment;
    /// @notice How it answers when it is asked for a signature.
    Mood public onQuestion;
    address private _target;
    bytes private _callback;

    /// @notice How often it called back while it was paid, and how often that succeeded.
    uint256 public attempts;
    uint256 public successes;

    error Refused();

    constructor(address owner) {
        _OWNER = owner;
    }

    receive() external payable {
        _react(_onPayment);
    }

    function behave(Mood whenPaid, Mood whenAsked) external {
        (_onPayment, onQuestion) = (whenPaid, whenAsked);
    }

    /// @notice What to call when it is paid in the mood to re-enter.
    function plan(address target, bytes calldata callback) external {
        _target = target;
        _callback = callback;
    }

    /// @notice Called by HostileHookToken around a transfer.
    function tokensMoved() external {
        _react(_onPayment);
    }

    function execute(address target, uint256 value, bytes calldata data) external returns (bytes memory answer) {
        require(msg.sender == _OWNER, Refused());
        bool success;
        (success, answer) = target.call{value: value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (onQuestion == Mood.Honest) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
            return signer == _OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
        }
        if (onQuestion == Mood.AcceptAnything) return IERC1271.isValidSignature.selector;
        _makeTrouble(onQuestion);
        return bytes4(0);
    }

    function _react(Mood mood) private {
        if (mood == Mood.Reenter) {
            ++attempts;
            (bool success,) = _target.call(_callback);
            if (success) ++successes;
        } else {
            _makeTrouble(mood);
        }
    }

    function _makeTrouble(Mood mood) private view {
        require(mood != Mood.Refuse, Refused());
        if (mood == Mood.BurnGas) {
            while (true) {}
        }
        // As much memory as the gas at hand can pay for, and leave enough to return it.
        if (mood == Mood.ReturnBomb || mood == Mood.RevertBomb) {
            uint256 size = _affordable(gasleft());
            if (mood == Mood.ReturnBomb) {
                assembly ("memory-safe") {
                    return(0, size)
                }
            }
            assembly ("memory-safe") {
                revert(0, size)
            }
        }
    }

    /// @dev Bytes whose 3w + w^2 / 512 gas for w words stays below `gas`, for up to 30,000,000.
    function _affordable(uint256 gas) private pure returns (uint256) {
        uint256 words = 120_000;
        while (3 * words + words * words / 512 + 2_000 > gas) words = words * 9 / 10;
        return 32 * words;
    }
}

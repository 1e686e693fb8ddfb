// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IChannelHub, Permit} from "../../interfaces/IChannelHub.sol";

/// @title ChannelVault
/// @notice The hub's way with money: what tokens it takes, how it receives, how it pays, and the credit of accounts.
/// @dev Knows nothing of channels. Each action of the hub holds the re-entrancy guard, so no balance that is measured
/// here contains another action's deposit. Invariant: CH-I1, with the hub's channels.
abstract contract ChannelVault is IChannelHub, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IChannelHub
    uint256 public constant PUSH_GAS = 100_000;

    /// @dev Gas at which a push gets PUSH_GAS in full: calls keep a 64th back (EIP-150), and sending value to an account
    /// that does not exist yet costs 36,600 before the call.
    uint256 private constant _GAS_TO_PUSH = PUSH_GAS + PUSH_GAS / 63 + 40_000;

    address internal constant _NATIVE = address(0);

    mapping(address token => bool) private _allowed;
    mapping(address token => mapping(address account => uint256 amount)) private _credit;

    constructor(address owner) Ownable(owner) {}

    // ------------------------------------------------------------------ tokens

    /// @inheritdoc IChannelHub
    function allowToken(address token) external onlyOwner {
        require(token.code.length != 0, TokenHasNoCode(token));
        _allowed[token] = true;
        emit TokenAllowed(token);
    }

    /// @inheritdoc IChannelHub
    function disallowToken(address token) external onlyOwner {
        require(_allowed[token], TokenNotAllowed(token));
        _allowed[token] = false;
        emit TokenDisallowed(token);
    }

    // ------------------------------------------------------------------ credit

    /// @inheritdoc IChannelHub
    function fund(address token, address account, uint256 amount) external payable nonReentrant {
        _fund(token, account, amount);
    }

    /// @inheritdoc IChannelHub
    function fundWithPermit(address token, address account, uint256 amount, Permit calldata permit)
        external
        nonReentrant
    {
        _usePermit(token, permit);
        _fund(token, account, amount);
    }

    /// @inheritdoc IChannelHub
    function collect(address token, address to, uint256 amount) external nonReentrant {
        _drawCredit(token, msg.sender, amount);
        emit CreditCollected(token, msg.sender, to, amount);
        if (token == _NATIVE) {
            (bool paid,) = to.call{value: amount}("");
            require(paid, PaymentFailed(to, amount));
        } else {
            IERC20(token).safeTransfer(to, amount);
        }
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IChannelHub
    function creditOf(address token, address account) external view returns (uint256 amount) {
        return _credit[token][account];
    }

    /// @inheritdoc IChannelHub
    function isAllowed(address token) public view returns (bool) {
        return token == _NATIVE || _allowed[token];
    }

    // ------------------------------------------------------------------ internals

    function _fund(address token, address account, uint256 amount) private {
        uint256 arrived = _receive(token, amount);
        _credit[token][account] += arrived;
        emit CreditFunded(token, account, msg.sender, arrived);
    }

    function _drawCredit(address token, address account, uint256 amount) internal {
        uint256 credit = _credit[token][account];
        require(amount <= credit, InsufficientCredit(token, account, credit, amount));
        _credit[token][account] = credit - amount;
    }

    /// @dev Somebody may have used the permit already, to annoy; then the allowance is there. If it is not, pulling
    /// reverts.
    function _usePermit(address token, Permit calldata permit) internal {
        require(token != _NATIVE && isAllowed(token), TokenNotAllowed(token));
        try IERC20Permit(token)
            .permit(msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
    }

    /// @dev Takes `amount` from the caller and answers what arrived. (SPEC CH-4)
    function _receive(address token, uint256 amount) internal returns (uint256 arrived) {
        if (token == _NATIVE) {
            require(msg.value == amount, WrongValue(msg.value, amount));
            return amount;
        }
        require(msg.value == 0, WrongValue(msg.value, 0));
        require(_allowed[token], TokenNotAllowed(token));
        if (amount == 0) return 0;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        return IERC20(token).balanceOf(address(this)) - before;
    }

    /// @dev Pays, or makes it credit. Last thing that an action does. (SPEC CH-16)
    function _pay(address token, address to, uint256 amount) internal {
        if (amount == 0 || _push(token, to, amount)) return;
        _credit[token][to] += amount;
        emit PaymentCredited(token, to, amount);
    }

    /// @dev The bound on gas bounds what comes back, too: filling memory costs the called as much as copying it costs
    /// here. The caller can't make a payment fail by sending little gas.
    function _push(address token, address to, uint256 amount) private returns (bool paid) {
        require(gasleft() >= _GAS_TO_PUSH, NotEnoughGas(gasleft(), _GAS_TO_PUSH));
        if (token == _NATIVE) {
            (paid,) = to.call{value: amount, gas: PUSH_GAS}("");
            return paid;
        }
        bytes memory answer;
        (paid, answer) = token.call{gas: PUSH_GAS}(abi.encodeCall(IERC20.transfer, (to, amount)));
        if (!paid) return false;
        if (answer.length == 0) return token.code.length != 0;
        return answer.length >= 32 && uint256(bytes32(answer)) == 1;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {HostileWallet} from "./HostileWallet.sol";

/// @title HostileTaxToken
/// @notice Burns a hundredth of every transfer.
contract HostileTaxToken is ERC20Permit {
    constructor() ERC20("Taxed", "TAX") ERC20Permit("Taxed") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 tax = from == address(0) || to == address(0) ? 0 : amount / 100;
        super._update(from, to, amount - tax);
        if (tax != 0) super._update(from, address(0), tax);
    }
}

/// @title HostileFalseToken
/// @notice Says false instead of reverting, once it is told to refuse.
contract HostileFalseToken is ERC20 {
    bool private _refusing;

    constructor() ERC20("False", "NO") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function refuse(bool refusing) external {
        _refusing = refusing;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !_refusing && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !_refusing && super.transferFrom(from, to, amount);
    }
}

/// @title HostileSilentToken
/// @notice Returns nothing from its transfers, as tokens older than the standard do.
contract HostileSilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title HostileHookToken
/// @notice Tells contracts that asked for it before it takes from them and after it gave to them, as ERC-777 does.
contract HostileHookToken is ERC20 {
    mapping(address account => bool) private _hooked;

    constructor() ERC20("Hooked", "HOOK") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function hook(address account) external {
        _hooked[account] = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_hooked[from]) HostileWallet(payable(from)).tokensMoved();
        super._update(from, to, amount);
        if (_hooked[to]) HostileWallet(payable(to)).tokensMoved();
    }
}

/// @title HostileBlocklistToken
/// @notice Moves nothing from or to accounts on its list.
contract HostileBlocklistToken is ERC20 {
    mapping(address account => bool) private _blocked;

    error Blocked(address account);

    constructor() ERC20("Blocking", "BLOCK") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function setBlocked(address account, bool blocked) external {
        _blocked[account] = blocked;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!_blocked[from], Blocked(from));
        require(!_blocked[to], Blocked(to));
        super._update(from, to, amount);
    }
}

/// @title HostileRebasingToken
/// @notice Scales everybody's balance by a share that anybody may change.
contract HostileRebasingToken is ERC20 {
    uint256 private _share = 1e18;

    constructor() ERC20("Rebasing", "BASE") {}

    function mint(address account, uint256 amount) external {
        _mint(account, _raw(amount));
    }

    function rebase(uint256 share) external {
        _share = share;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * _share / 1e18;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return super.transfer(to, _raw(amount));
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return super.transferFrom(from, to, _raw(amount));
    }

    function _raw(uint256 amount) private view returns (uint256) {
        return (amount * 1e18 + _share - 1) / _share;
    }
}

/// @title HostileAnswerToken
/// @notice Answers a transfer with whatever it was told to: odd words, short ones, floods; or burns all gas.
contract HostileAnswerToken is ERC20 {
    bytes private _answer;
    bool private _armed;
    bool private _burning;

    constructor() ERC20("Answering", "ANS") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    /// @notice From now on transfers move nothing and answer this.
    function answer(bytes calldata data) external {
        (_answer, _armed) = (data, true);
    }

    /// @notice From now on transfers burn all gas.
    function burnGas() external {
        _burning = true;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_burning) while (true) {}
        if (!_armed) return super.transfer(to, amount);
        bytes memory data = _answer;
        assembly ("memory-safe") {
            return(add(data, 32), mload(data))
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {EMISSION_CAP, EMISSION_YEAR, SCALE, TOKEN_SUPPLY} from "../protocol/Constants.sol";

/// @title MarketToken
/// @notice What bonds, levies and rewards are paid in.
/// @dev Lifecycle: the supply is allotted at deployment, the appointer names the reward pool once, the pool mints.
/// Invariants: TK-I1, TK-I2.
contract MarketToken is ERC20, ERC20Burnable, ERC20Permit, IMarketToken {
    address private immutable _APPOINTER;
    uint256 private immutable _DEPLOYED_AT;

    address private _rewardPool;
    /// @dev The last year in which the supply changed.
    Emission private _emission;

    /// @param appointer names the reward pool, later and once
    constructor(address appointer, Allotments memory allotments) ERC20("Handfast", "HAND") ERC20Permit("Handfast") {
        _APPOINTER = appointer;
        _DEPLOYED_AT = block.timestamp;
        _allot(allotments.development);
        _allot(allotments.contributors);
        _allot(allotments.community);
        _allot(allotments.incentives);
        uint256 supply = totalSupply();
        require(supply == TOKEN_SUPPLY, AllotmentsMismatch(supply, TOKEN_SUPPLY));
        _emission.cap = _capOf(supply);
    }

    /// @inheritdoc IMarketToken
    function setRewardPool(address pool) external {
        require(msg.sender == _APPOINTER, NotAppointer(msg.sender));
        require(_rewardPool == address(0), RewardPoolAlreadySet(_rewardPool));
        require(pool.code.length > 0, RewardPoolWithoutCode(pool));
        _rewardPool = pool;
        emit RewardPoolSet(pool);
    }

    /// @inheritdoc IMarketToken
    function mint(address account, uint256 amount) external {
        require(msg.sender == _rewardPool, NotRewardPool(msg.sender));
        _keepYear();
        uint256 left = _emission.cap - _emission.minted;
        require(amount <= left, EmissionCapExceeded(_emission.year, amount, left));
        _emission.minted += amount;
        _mint(account, amount);
    }

    /// @inheritdoc IMarketToken
    function burn(uint256 amount) public override(IMarketToken, ERC20Burnable) {
        super.burn(amount);
    }

    /// @inheritdoc IMarketToken
    function burnFrom(address account, uint256 amount) public override(IMarketToken, ERC20Burnable) {
        super.burnFrom(account, amount);
    }

    /// @inheritdoc IMarketToken
    function emission() public view returns (Emission memory) {
        uint256 year = _year();
        // The supply has not changed since a year began that was not kept.
        return year == _emission.year ? _emission : Emission({year: year, cap: _capOf(totalSupply()), minted: 0});
    }

    /// @inheritdoc IMarketToken
    function rewardPool() external view returns (address) {
        return _rewardPool;
    }

    function nonces(address owner) public view override(IERC20Permit, ERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }

    function _allot(Allotment memory part) private {
        _mint(part.beneficiary, part.amount);
    }

    /// @dev Before the supply changes, its year is kept.
    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) _keepYear();
        super._update(from, to, amount);
    }

    /// @dev Fixes the cap of a year that has begun since the supply last changed.
    function _keepYear() private {
        if (_year() != _emission.year) _emission = emission();
    }

    function _year() private view returns (uint256) {
        return (block.timestamp - _DEPLOYED_AT) / EMISSION_YEAR;
    }

    function _capOf(uint256 supply) private pure returns (uint256) {
        return supply * EMISSION_CAP / SCALE;
    }
}

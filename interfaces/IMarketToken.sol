// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title IMarketToken
/// @notice What bonds, levies and rewards are paid in. (SPEC TK)
/// @dev An ERC-20 without fees, hooks, pauses or an owner: a transfer moves exactly what it says, or reverts. Other
/// contracts of the protocol rely on that. Anybody may burn their own.
interface IMarketToken is IERC20, IERC20Permit {
    /// @notice One part of the initial supply.
    struct Allotment {
        address beneficiary;
        uint256 amount;
    }

    /// @notice The four parts of the initial supply. [meta-bmeoc eq. 15]
    /// @param development T_D, network operation and development
    /// @param contributors T_I, early contributors and investors
    /// @param community T_C, community construction
    /// @param incentives T_P, incentives for outsourced work
    struct Allotments {
        Allotment development;
        Allotment contributors;
        Allotment community;
        Allotment incentives;
    }

    /// @notice What may be and what was minted in one year.
    /// @param year whole emission years since the deployment
    /// @param cap most that may be minted in this year
    /// @param minted what was minted in it so far
    struct Emission {
        uint256 year;
        uint256 cap;
        uint256 minted;
    }

    /// @notice The parts do not add up to the supply.
    error AllotmentsMismatch(uint256 sum, uint256 supply);
    /// @notice The sender may not name the reward pool.
    error NotAppointer(address sender);
    /// @notice The reward pool is named once, for ever.
    error RewardPoolAlreadySet(address pool);
    /// @notice The reward pool has to be a contract.
    error RewardPoolWithoutCode(address pool);
    /// @notice Only the reward pool mints.
    error NotRewardPool(address sender);
    /// @notice More than the rest of this year's cap.
    error EmissionCapExceeded(uint256 year, uint256 amount, uint256 left);

    event RewardPoolSet(address indexed pool);

    /// @notice Name the reward pool, once. By the appointer, who has no power left afterwards. (TK-3)
    function setRewardPool(address pool) external;

    /// @notice Mint within the cap of the running emission year. By the reward pool. (TK-4)
    function mint(address account, uint256 amount) external;

    /// @notice Destroy `amount` of the sender's.
    function burn(uint256 amount) external;

    /// @notice Destroy `amount` of `account`'s, out of what it allows the sender.
    function burnFrom(address account, uint256 amount) external;

    /// @notice The running emission year.
    function emission() external view returns (Emission memory);

    /// @notice Who mints; zero until it is set.
    function rewardPool() external view returns (address);
}

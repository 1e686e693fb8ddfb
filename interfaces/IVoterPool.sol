// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ballot} from "../contracts/disputes/CourtRules.sol";
import {IMarketToken} from "./IMarketToken.sol";
import {IOracleCourt} from "./IOracleCourt.sol";
import {IParticipantRegistry} from "./IParticipantRegistry.sol";

/// @notice A voter's stake, in MarketToken. (SPEC OC-1)
/// @param number Of the voter, from 1 in the order of first stakes; zero for who never staked.
/// @param stake What it can be drawn by.
/// @param unstaking What is on its way out, and can be lost like the rest.
/// @param withdrawableAt Second from which that is paid, as far as it is not locked.
/// @param locked What open cases lock of both.
struct Voter {
    uint256 number;
    uint256 stake;
    uint256 unstaking;
    uint256 withdrawableAt;
    uint256 locked;
}

/// @notice Who was drawn.
/// @param seed `prevrandao` that drew them.
/// @param words Numbers of voters seat by seat, eight a word from the right, a voter's side by side; zero for empty ones,
/// at the end.
/// @param accounts Whose numbers they are, seat by seat.
/// @param voters How many voters these are.
struct Panel {
    uint256 seed;
    uint256[] words;
    address[] accounts;
    uint256 voters;
}

/// @title IVoterPool
/// @notice Stakes of oracle voters, and draws among them. (SPEC OC-1 to OC-5)
/// @dev Lifecycle: stake, be drawn and released by the court, unstake, withdraw from the court, which has the money.
///
/// Trust: the court, which creates the pool, draws, releases and collects; nobody owns either. MarketToken and ParticipantRegistry
/// are the protocol's own and call nobody.
///
/// Assumption: those who propose the DRAW_DELAY blocks before a draw's and that block itself are not all one.
interface IVoterPool {
    /// @notice Only the court draws, releases and collects.
    error NotCourt(address sender);
    /// @notice The sender has no ROLE_VOTER in the registry.
    error NotVoter(address account);
    /// @notice Stakes are positive multiples of the unit.
    error InvalidStake(uint256 amount, uint256 unit);
    /// @notice Less is staked than is asked for.
    error InsufficientStake(address voter, uint256 available, uint256 needed);
    /// @notice There are as many voters as there can be.
    error TooManyVoters(uint256 maximum);

    /// @notice The block of the draw has not been.
    error DrawNotDue(uint256 height, uint256 current);
    /// @notice The chain can't prove that block any more: the court's `advance` ends the case.
    error DrawMissed(uint256 height);
    /// @notice That is not the header of the block.
    error InvalidHeader(uint256 height, bytes32 hash, bytes32 needed);

    /// @notice The voter's stake is this from now on.
    event StakeChanged(address indexed voter, uint256 stake, uint256 unstaking, uint256 withdrawableAt);

    /// @notice Add to the sender's stake, out of its pocket. By voters, while no draw is near.
    function stake(uint256 amount) external;

    /// @notice Move stake out of the weight; UNSTAKING_PERIOD later the court pays it. While no draw is near.
    function unstake(uint256 amount) external;

    /// @notice Draw a panel and lock its seats. By the court.
    /// @param height Block whose randomness draws; `header`: its RLP.
    function draw(uint256 id, uint256 round, uint256 seats, uint256 height, bytes calldata header)
        external
        returns (Panel memory panel);

    /// @notice Unlock the seats of a panel, credit the coherent and take what the others lose. By the court.
    /// @param reward Of each coherent seat; `odd`: what the first coherent voter has on top.
    function release(Ballot[] calldata ballots, uint256 reward, uint256 odd) external;

    /// @notice Take what an account is credited and what it unstaked long enough ago, for the court to pay it. By the court.
    function collect(address account) external returns (uint256 amount);

    /// @notice Whether a past block can't be proven any more.
    function isMissed(uint256 height) external view returns (bool);

    /// @notice What a voter has staked; zero for who never did.
    function voterOf(address account) external view returns (Voter memory);

    /// @notice What `collect` would find.
    function owedTo(address account) external view returns (uint256);

    /// @notice Number of a voter; zero for who never staked.
    function numberOf(address account) external view returns (uint256);

    /// @notice Sum of all weights, in MarketToken.
    function totalWeight() external view returns (uint256);

    function COURT() external view returns (IOracleCourt);
    function MARKET_TOKEN() external view returns (IMarketToken);
    function REGISTRY() external view returns (IParticipantRegistry);
    function UNSTAKING_PERIOD() external view returns (uint256);
}

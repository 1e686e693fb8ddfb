// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {IOracleCourt} from "../../interfaces/IOracleCourt.sol";
import {IParticipantRegistry, ParticipantId} from "../../interfaces/IParticipantRegistry.sol";
import {IVoterPool, Panel, Voter} from "../../interfaces/IVoterPool.sol";
import {MAX_TRIES, ROLE_VOTER, STAKE_UNIT} from "../protocol/Constants.sol";
import {BlockHeader} from "./BlockHeader.sol";
import {Ballot, CourtRules} from "./CourtRules.sol";
import {StakeTree} from "./StakeTree.sol";

/// @title VoterPool
/// @notice What voters have staked and locked, and who of them is drawn.
/// @dev Lifecycle and trust stand in IVoterPool. The money is in the court, the pool keeps count of it.
/// Invariants: OC-I1, OC-I2.
contract VoterPool is IVoterPool {
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;
    using StakeTree for StakeTree.Tree;

    /// @dev `locked` in seats, `credit` in CREDIT_UNIT, `stake` and `unstaking` in STAKE_UNIT. What a draw and a settlement
    /// write of a voter that is coherent is one slot, which is never empty.
    struct Record {
        address account;
        uint32 locked;
        uint64 credit;
        uint32 stake;
        uint32 unstaking;
        uint40 withdrawableAt;
    }

    /// @inheritdoc IVoterPool
    IOracleCourt public immutable COURT;
    /// @inheritdoc IVoterPool
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IVoterPool
    IParticipantRegistry public immutable REGISTRY;
    /// @inheritdoc IVoterPool
    uint256 public immutable UNSTAKING_PERIOD;

    uint256 private constant _SEATS_A_WORD = 8;
    uint256 private constant _SEAT_BITS = 32;
    /// @dev Of a seat's bits the court takes 8 for the vote.
    uint256 private constant _MAX_VOTERS = type(uint24).max;

    StakeTree.Tree private _weights;
    /// @dev Voters have numbers from 1, in the order in which they first staked; their weights stand one before.
    mapping(address account => uint256 number) private _numbers;
    mapping(uint256 number => Record) private _voters;

    modifier onlyCourt() {
        require(msg.sender == address(COURT), NotCourt(msg.sender));
        _;
    }

    /// @dev Weights and locks are the same from before a draw's randomness is known until it was made. (SPEC OC-4)
    modifier still() {
        COURT.requireStill();
        _;
    }

    constructor(IMarketToken token, IParticipantRegistry registry, uint256 unstakingPeriod) {
        COURT = IOracleCourt(msg.sender);
        MARKET_TOKEN = token;
        REGISTRY = registry;
        UNSTAKING_PERIOD = unstakingPeriod;
    }

    // ------------------------------------------------------------------ stakes

    /// @inheritdoc IVoterPool
    function stake(uint256 amount) external still {
        uint256 units = _unitsOf(amount);
        ParticipantId id = REGISTRY.idOf(msg.sender);
        require(REGISTRY.rolesOf(id) & ROLE_VOTER != 0, NotVoter(msg.sender));
        uint256 number = _numbers[msg.sender];
        if (number == 0) {
            number = _weights.append() + 1;
            require(number <= _MAX_VOTERS, TooManyVoters(_MAX_VOTERS));
            _numbers[msg.sender] = number;
            _voters[number].account = msg.sender;
            COURT.enrol(number, msg.sender);
        }
        Record storage voter = _voters[number];
        voter.stake = (voter.stake + units).toUint32();
        _reweigh(number, voter);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(COURT), amount);
    }

    /// @inheritdoc IVoterPool
    function unstake(uint256 amount) external still {
        uint256 units = _unitsOf(amount);
        uint256 number = _numbers[msg.sender];
        Record storage voter = _voters[number];
        require(units <= voter.stake, InsufficientStake(msg.sender, voter.stake * STAKE_UNIT, amount));
        voter.stake -= uint32(units);
        voter.unstaking += uint32(units);
        voter.withdrawableAt = (block.timestamp + UNSTAKING_PERIOD).toUint40();
        _reweigh(number, voter);
    }

    // ------------------------------------------------------------------ by the court

    /// @inheritdoc IVoterPool
    function draw(uint256 id, uint256 round, uint256 seats, uint256 height, bytes calldata header)
        external
        onlyCourt
        returns (Panel memory panel)
    {
        require(block.number > height, DrawNotDue(height, block.number));
        bytes32 hash = BlockHeader.hashAt(height);
        require(hash != 0, DrawMissed(height));
        bytes32 given = keccak256(header);
        require(given == hash, InvalidHeader(height, given, hash));
        panel.seed = BlockHeader.mixOf(header);
        panel.accounts = new address[](seats);
        (uint256[] memory voters, uint256[] memory taken) = _drawn(panel, id, round);
        panel.words = new uint256[](Math.ceilDiv(seats, _SEATS_A_WORD));
        uint256 seat;
        for (uint256 i; i < panel.voters; ++i) {
            Record storage voter = _voters[voters[i]];
            address account = voter.account;
            voter.locked += uint32(taken[i]);
            for (uint256 end = seat + taken[i]; seat < end; ++seat) {
                panel.accounts[seat] = account;
                panel.words[seat / _SEATS_A_WORD] |= voters[i] << (_SEAT_BITS * (seat % _SEATS_A_WORD));
            }
        }
    }

    /// @inheritdoc IVoterPool
    function release(Ballot[] calldata ballots, uint256 reward, uint256 odd) external onlyCourt {
        for (uint256 i; i < ballots.length; ++i) {
            Ballot calldata ballot = ballots[i];
            Record storage voter = _voters[ballot.voter];
            voter.locked -= uint32(ballot.seats);
            if (ballot.coherent) {
                uint256 earned = (ballot.seats * reward + odd) / CourtRules.CREDIT_UNIT;
                odd = 0;
                voter.credit += earned.toUint64();
            } else {
                // Both parts together cover what is locked, so they cover what is lost. (SPEC OC-I2)
                uint256 lost = ballot.seats * CourtRules.LOSS_UNITS;
                uint256 fromStake = Math.min(lost, voter.stake);
                voter.stake -= uint32(fromStake);
                voter.unstaking -= uint32(lost - fromStake);
                _reweigh(ballot.voter, voter);
            }
        }
    }

    /// @inheritdoc IVoterPool
    function collect(address account) external onlyCourt returns (uint256 amount) {
        Record storage voter = _voters[_numbers[account]];
        amount = voter.credit * CourtRules.CREDIT_UNIT;
        if (amount != 0) voter.credit = 0;
        uint256 units = _withdrawable(voter);
        if (units != 0) {
            voter.unstaking -= uint32(units);
            amount += units * STAKE_UNIT;
            _announce(voter);
        }
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IVoterPool
    function isMissed(uint256 height) external view returns (bool) {
        return block.number > height && BlockHeader.hashAt(height) == 0;
    }

    /// @inheritdoc IVoterPool
    function voterOf(address account) external view returns (Voter memory) {
        uint256 number = _numbers[account];
        Record storage voter = _voters[number];
        return Voter({
            number: number,
            stake: voter.stake * STAKE_UNIT,
            unstaking: voter.unstaking * STAKE_UNIT,
            withdrawableAt: voter.withdrawableAt,
            locked: voter.locked * CourtRules.SEAT_UNITS * STAKE_UNIT
        });
    }

    /// @inheritdoc IVoterPool
    function owedTo(address account) external view returns (uint256) {
        Record storage voter = _voters[_numbers[account]];
        return voter.credit * CourtRules.CREDIT_UNIT + _withdrawable(voter) * STAKE_UNIT;
    }

    /// @inheritdoc IVoterPool
    function numberOf(address account) external view returns (uint256) {
        return _numbers[account];
    }

    /// @inheritdoc IVoterPool
    function totalWeight() external view returns (uint256) {
        return _weights.total() * STAKE_UNIT;
    }

    // ------------------------------------------------------------------ internals

    /// @dev Voters that are drawn, each once, and how many seats each takes. (SPEC OC-5)
    function _drawn(Panel memory panel, uint256 id, uint256 round)
        private
        view
        returns (uint256[] memory voters, uint256[] memory taken)
    {
        unchecked {
            uint256 seats = panel.accounts.length;
            voters = new uint256[](seats);
            taken = new uint256[](seats);
            uint256 total = _weights.total();
            if (total == 0) return (voters, taken);
            uint256 count;
            for (uint256 seat; seat < seats; ++seat) {
                for (uint256 attempt; attempt < MAX_TRIES; ++attempt) {
                    uint256 point = CourtRules.pointOf(panel.seed, id, round, seat, attempt, total);
                    (uint256 position, uint256 weight) = _weights.find(point);
                    uint256 at;
                    while (at < count && voters[at] != position + 1) {
                        ++at;
                    }
                    // Whoever is found has weight, and then it is the stake.
                    uint256 locked = _voters[position + 1].locked + taken[at] + 1;
                    if (locked * CourtRules.SEAT_UNITS > weight) continue;
                    voters[at] = position + 1;
                    ++taken[at];
                    if (at == count) ++count;
                    break;
                }
            }
            panel.voters = count;
        }
    }

    function _withdrawable(Record storage voter) private view returns (uint256) {
        if (block.timestamp < voter.withdrawableAt) return 0;
        uint256 free = uint256(voter.stake) + voter.unstaking - voter.locked * CourtRules.SEAT_UNITS;
        return Math.min(voter.unstaking, free);
    }

    /// @dev Who can't take one seat has no weight: it would only make others be drawn again.
    function _reweigh(uint256 number, Record storage voter) private {
        uint256 units = voter.stake;
        _weights.set(number - 1, units < CourtRules.SEAT_UNITS ? 0 : units);
        _announce(voter);
    }

    function _announce(Record storage voter) private {
        emit StakeChanged(voter.account, voter.stake * STAKE_UNIT, voter.unstaking * STAKE_UNIT, voter.withdrawableAt);
    }

    function _unitsOf(uint256 amount) private pure returns (uint256) {
        require(amount != 0 && amount % STAKE_UNIT == 0, InvalidStake(amount, STAKE_UNIT));
        return amount / STAKE_UNIT;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MAX_VERSION} from "../protocol/Constants.sol";
import {ChannelPhase, LockOutcome} from "../protocol/Enums.sol";

/// @notice Where a channel stands, and what it holds.
/// @param phase Absent, Open, Closing or Closed.
/// @param challengeEnd Last second at which a newer state may be registered, set once.
/// @param versionOrOutcomes The registered version while Closing; once Closed, the outcomes of the first locks.
/// @param clientFunds Deposits less withdrawals while Open or Closing, which may be negative for one side, never in sum;
/// once Closed, what this side paid into locks which are not resolved yet. Likewise the provider's.
struct Head {
    ChannelPhase phase;
    uint256 challengeEnd;
    uint256 versionOrOutcomes;
    int256 clientFunds;
    int256 providerFunds;
}

/// @title ChannelHead
/// @notice Keeps the head of a channel in one word of storage, read once and written once by each action.
/// @dev From the lowest bit: 88 bits for each side's funds in two's complement, 36 for the end, 40 for version or
/// outcomes, 4 for the phase. A version and two outcomes a lock need no word of their own that way, which saves 22,100
/// gas where a state is registered, and again where one of the first locks is resolved.
library ChannelHead {
    /// @notice Locks whose outcomes the head has room for.
    uint256 internal constant OUTCOMES = 20;

    uint256 private constant _FUNDS_BITS = 88;
    uint256 private constant _FUNDS_MASK = (1 << _FUNDS_BITS) - 1;
    uint256 private constant _END_AT = 176;
    uint256 private constant _VERSION_AT = 212;
    uint256 private constant _PHASE_AT = 252;

    /// @notice The word of a head. Funds are at most twice MAX_FUNDS either way, which 88 bits hold.
    function pack(Head memory head) internal pure returns (uint256 word) {
        return (uint256(head.phase) << _PHASE_AT) | (head.versionOrOutcomes << _VERSION_AT)
            | (head.challengeEnd << _END_AT) | ((uint256(head.providerFunds) & _FUNDS_MASK) << _FUNDS_BITS)
            | (uint256(head.clientFunds) & _FUNDS_MASK);
    }

    /// @notice The head of a word.
    function unpack(uint256 word) internal pure returns (Head memory head) {
        head.phase = ChannelPhase(word >> _PHASE_AT);
        head.versionOrOutcomes = (word >> _VERSION_AT) & MAX_VERSION;
        head.challengeEnd = (word >> _END_AT) & ((1 << (_VERSION_AT - _END_AT)) - 1);
        head.providerFunds = int88(uint88(word >> _FUNDS_BITS));
        head.clientFunds = int88(uint88(word));
    }

    /// @notice The outcome noted at `index` of a word of two bits a lock.
    function outcomeAt(uint256 outcomes, uint256 index) internal pure returns (LockOutcome) {
        return LockOutcome((outcomes >> (2 * index)) & 3);
    }

    /// @notice The word with an outcome noted at `index`, where there was none.
    function noting(uint256 outcomes, uint256 index, LockOutcome outcome) internal pure returns (uint256) {
        return outcomes | (uint256(outcome) << (2 * index));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CaseKind, CasePeriod} from "../contracts/protocol/Enums.sol";

/// @notice Number of a case, from 1 in the order of opening.
type CaseId is uint256;

/// @notice MAX_SCORES scores of 32 bits in eight words: entry i is the i-th group of four bytes, from the left.
struct Scores {
    uint256[8] words;
}

/// @notice What a client asks of a panel. (SPEC OC-6)
/// @param seats Of the first round: odd, at most MAX_FIRST_PANEL.
/// @param size Choice: the number of options, which are 1 to size. Scores: the number of entries.
/// @param standard Choice: the option that stands if nobody rules. Scores: zero, no scores.
/// @param tolerance Scores: how far from the median in an entry is still coherent.
/// @param side Choice: the option that the payer of the first round is on; zero if on none.
/// @param evidencePeriod Seconds; so are the other periods, each within the court's bounds. Zero evidence: fixed at once.
/// @param evidence Digest of what the case is about, in the client's own encoding.
struct CaseTerms {
    CaseKind kind;
    uint16 seats;
    uint16 size;
    uint16 standard;
    uint32 tolerance;
    uint16 side;
    uint32 evidencePeriod;
    uint32 commitPeriod;
    uint32 revealPeriod;
    uint32 appealPeriod;
    bytes32 evidence;
}

/// @notice How a case stands, and once it is final how it ended. (SPEC OC-13, OC-14)
/// @param isFinal Whether nothing can change it.
/// @param choice The standing option; the default while there is none.
/// @param scores keccak256 of the eight words of the medians; zero if there are none.
/// @param costs What the losing side owes for rounds that the winning side paid, in MarketToken, beyond what the court
/// could take from the losers' securities.
struct Ruling {
    bool isFinal;
    uint16 choice;
    bytes32 scores;
    uint256 costs;
}

/// @title ICourtClient
/// @notice A contract that opens cases.
interface ICourtClient {
    /// @notice The case is final: read its ruling. Called once, with bounded gas, and whatever happens is ignored.
    function onRuling(CaseId id) external;
}

/// @title IOracleCourt
/// @notice A paid, staked panel rules what no contract can compute. (SPEC OC)
interface IOracleCourt {
    /// @notice Open a case; the caller is its client and pays `feeOf(seats)` in MarketToken, which it has approved.
    /// @param payer Whom what is left of the fee goes to. (SPEC OC-13)
    function open(CaseTerms calldata terms, address payer) external returns (CaseId id);

    /// @notice What a panel of so many seats costs, in MarketToken.
    function feeOf(uint256 seats) external view returns (uint256);

    function rulingOf(CaseId id) external view returns (Ruling memory);

    function periodOf(CaseId id) external view returns (CasePeriod);

    /// @notice Voters of the seats of the running round, seat by seat, zero for an empty one; none before the draw.
    function panelOf(CaseId id) external view returns (address[] memory);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What is known of an account's participation. (SPEC LG-1)
/// @param score r, out of SCALE; may be below zero, never below REPUTATION_FLOOR.
/// @param partners A, accounts that it took part with, each counted once.
/// @param participations P, how often it took part.
struct Participation {
    int256 score;
    uint256 partners;
    uint256 participations;
}

/// @title IReputationLedger
/// @notice Who finishes what it takes part in, and with how many others: the market's second score. (SPEC LG)
/// @dev Lifecycle: the owner names recorders, then seals; recorders write for ever.
///
/// Trust: until the seal an account trusts the owner, after it the code of the named recorders, which report each event
/// once. (SPEC LG-2)
interface IReputationLedger {
    /// @notice Only the owner names recorders.
    error NotLedgerOwner(address sender);
    /// @notice No more recorders can be named.
    error LedgerIsSealed();
    /// @notice A recorder has to be a contract.
    error RecorderWithoutCode(address recorder);
    /// @notice The sender is no recorder.
    error NotRecorder(address sender);

    /// @notice The contract may record from now on.
    event RecorderAuthorised(address indexed recorder);
    /// @notice No recorder is named after this.
    event LedgerSealed();
    /// @notice `account` and `partner` took part in something together.
    event ParticipationRecorded(address indexed account, address indexed partner, address indexed recorder);
    /// @notice The account's score is this from now on.
    event ScoreChanged(address indexed account, address indexed recorder, int256 score);

    /// @notice Let a contract record. By the owner, before the seal.
    function authoriseRecorder(address recorder) external;

    /// @notice Name nobody more, for ever.
    function seal() external;

    /// @notice Count a participation of both accounts with each other. By recorders.
    function participate(address account, address partner) external;

    /// @notice r + A/P, rounded down. By recorders.
    function reward(address account) external;

    /// @notice r - 1, not below REPUTATION_FLOOR. By recorders.
    function penalise(address account) external;

    /// @notice Everything about an account; zero for who never took part.
    function participationOf(address account) external view returns (Participation memory);

    /// @notice r of an account, out of SCALE; zero for newcomers.
    function scoreOf(address account) external view returns (int256);

    function isRecorder(address account) external view returns (bool);
    function isSealed() external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CaseKind, CasePeriod} from "../contracts/protocol/Enums.sol";
import {IMarketToken} from "./IMarketToken.sol";
import {IVoterPool} from "./IVoterPool.sol";

/// @notice Number of a case, from 1 in the order of opening.
type CaseId is uint256;

/// @notice MAX_SCORES scores of 32 bits in eight words: entry i is the i-th group of four bytes, from the left.
struct Scores {
    uint256[8] words;
}

/// @notice What a client asks of a panel. (SPEC OC-6)
/// @param seats Of the first round: odd, at most MAX_FIRST_PANEL.
/// @param size Choice: the number of options, which are 1 to size, at most MAX_OPTIONS. Scores: the number of entries.
/// @param standard Choice: the option that stands if nobody rules. Scores: zero, no scores.
/// @param tolerance Scores: how far from the median in an entry is still coherent. Choice: zero.
/// @param side Choice: the option that the payer of the first round is on; zero if on none. Scores: zero.
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

/// @notice How a case stands, and once it is final how it ended. (SPEC OC-14, OC-15)
/// @param isFinal Whether nothing can change it.
/// @param choice The standing option; the default while there is none.
/// @param scores keccak256 of the eight words of the medians; zero if there are none.
/// @param costs What is owed to those on the side that won, for rounds that they paid, in MarketToken, beyond what the
/// losers' securities made good. The client takes it from the losing party as far as it can, and pays it with `payCosts`.
struct Ruling {
    bool isFinal;
    uint16 choice;
    bytes32 scores;
    uint256 costs;
}

/// @notice Where a case stands.
/// @param client The contract that opened it.
/// @param round The running round, from 0; a redraw is a round of its own.
/// @param appeals How often it was appealed.
/// @param redrawn Whether the running round is a redraw.
/// @param endsAt Second from which the period is over; of Draw and Ruled it says nothing.
/// @param drawHeight Block whose randomness draws the panel, in Draw; otherwise that of the last draw.
/// @param seats Of the running round.
/// @param voters Who sits on them; a voter on several seats counts once.
/// @param committed How many of the voters committed; `revealed`: revealed.
struct Case {
    address client;
    CaseKind kind;
    CasePeriod period;
    uint256 round;
    uint256 appeals;
    bool redrawn;
    uint256 endsAt;
    uint256 drawHeight;
    uint256 seats;
    uint256 voters;
    uint256 committed;
    uint256 revealed;
    uint256 size;
    uint256 tolerance;
    uint256 commitPeriod;
    uint256 revealPeriod;
    uint256 appealPeriod;
}

/// @notice One round of a case, and who paid for it.
/// @param payer Who paid the fee.
/// @param side Option that the payer is on; zero if on none.
/// @param seats Seats that were asked for.
/// @param fee What its coherent seats earn beside the losses; zero if it was redrawn, since the fee went on.
/// @param security What the payer left beside the fee, by an appeal.
/// @param settled Whether its seats were paid.
struct Round {
    address payer;
    uint256 side;
    uint256 seats;
    uint256 fee;
    uint256 security;
    bool settled;
}

/// @notice What a court fixes for ever.
/// @param unstakingPeriod Seconds from unstaking to being paid.
/// @param drawDelay Blocks, see OC-3.
/// @param minPeriod Bounds of each period of a case, in seconds, with maxPeriod.
struct CourtSettings {
    uint32 unstakingPeriod;
    uint32 drawDelay;
    uint32 minPeriod;
    uint32 maxPeriod;
}

/// @notice Names a field of CaseTerms that is out of its bounds.
enum TermsField {
    Kind,
    Seats,
    Size,
    Standard,
    Tolerance,
    Side,
    EvidencePeriod,
    CommitPeriod,
    RevealPeriod,
    AppealPeriod
}

/// @title ICourtClient
/// @notice A contract that opens cases.
interface ICourtClient {
    /// @notice The case is final: read its ruling. Called once, with CALLBACK_GAS, and whatever happens is ignored.
    function onRuling(CaseId id) external;
}

/// @title IOracleCourt
/// @notice A paid, staked panel rules what no contract can compute. (SPEC OC)
/// @dev Lifecycle of a case: open, advance (evidence is fixed), draw, commit, reveal (the last one counts the choices),
/// tally (scores), appeal or advance, settle.
///
/// Trust: nobody owns the court. Clients are hostile: they are called last, with bounded gas, and may fail. MarketToken
/// and the pool of voters are the protocol's own and call nobody else.
///
/// Assumption: most of the voters' weight judges truly, or is too dear to bribe.
interface IOracleCourt {
    // ------------------------------------------------------------------ errors

    /// @notice Stakes and settlements wait for this draw. (SPEC OC-4)
    error DrawPending(CaseId id, uint256 height);
    /// @notice The account is owed nothing that can be paid now.
    error NothingToWithdraw(address account);

    /// @notice Periods are positive, the lesser bound first, and the greater at most 2^24 - 1 seconds; so is the delay.
    error InvalidSettings();
    /// @notice Only the pool of voters enrols them.
    error NotPool(address sender);
    /// @notice A field of the terms is out of its bounds.
    error InvalidTerms(TermsField field);
    /// @notice Nobody to give back to.
    error PayerMissing();
    /// @notice There is no such case.
    error UnknownCase(CaseId id);
    /// @notice The case is in another period.
    error WrongPeriod(CaseId id, CasePeriod period, CasePeriod needed);
    /// @notice The period is over.
    error PeriodOver(CaseId id, CasePeriod period, uint256 endsAt, uint256 time);
    /// @notice The period is not over, and not all have acted.
    error PeriodNotOver(CaseId id, CasePeriod period, uint256 endsAt, uint256 time);

    /// @notice The block of the draw has not been, or the chain can still prove it: then `draw`.
    error DrawNotMissed(CaseId id, uint256 height, uint256 current);
    /// @notice Draws are made in their order: this case is next.
    error NotNextDraw(CaseId id, CaseId next);
    /// @notice This is not the first seat of the sender's.
    error NotOnSeat(CaseId id, uint256 seat, address account);
    /// @notice The voter has committed.
    error AlreadyCommitted(CaseId id, address voter);
    /// @notice The voter committed to nothing, or has revealed it.
    error NothingToReveal(CaseId id, address voter);
    /// @notice A commitment is not zero.
    error EmptyCommitment();
    /// @notice The note is too long.
    error NoteTooLong(uint256 length, uint256 maximum);
    /// @notice The panel votes on something else.
    error WrongKind(CaseId id, CaseKind kind);
    /// @notice The vote is no option of the case.
    error InvalidChoice(CaseId id, uint256 choice, uint256 size);
    /// @notice Entries beyond the case's are not zero.
    error InvalidScores(uint256 size);
    /// @notice The ballot and salt are not what the voter committed to.
    error InvalidReveal(CaseId id, address voter, bytes32 vote);
    /// @notice One vector of scores for each voter that revealed, in the order of seats.
    error WrongBallots(uint256 given, uint256 needed);
    /// @notice Those are not the scores that the voter of this number revealed; of number zero, not the medians.
    error InvalidBallot(uint256 voter, bytes32 ballot);

    /// @notice The case was appealed as often as it can be.
    error NoMoreAppeals(CaseId id, uint256 appeals);
    /// @notice Whoever appeals takes another side than the standing ruling's; in a case of scores none.
    error InvalidSide(CaseId id, uint256 side, uint256 standing);
    /// @notice The round is settled, or is none that ended.
    error NotSettleable(CaseId id, uint256 round);
    /// @notice More than is owed.
    error CostsExceeded(CaseId id, uint256 owed, uint256 amount);
    /// @notice The call has too little gas left to offer the client CALLBACK_GAS.
    error NotEnoughGas(uint256 available, uint256 needed);

    // ------------------------------------------------------------------ events

    /// @notice The court owes the account this much more. What voters earn stands in RoundSettled.
    event Credited(address indexed account, uint256 amount);
    /// @notice The account was paid what the court owed it, unstaked stakes included.
    event Withdrawn(address indexed account, uint256 amount);
    /// @notice A case was opened, and its first fee paid.
    event CaseOpened(CaseId indexed id, address indexed client, address indexed payer, CaseTerms terms, uint256 endsAt);
    /// @notice Somebody said something about a case.
    event EvidenceSubmitted(CaseId indexed id, address indexed from, bytes32 evidence, string uri);
    /// @notice Evidence is fixed; the block of this height draws the panel.
    event DrawScheduled(CaseId indexed id, uint256 indexed round, uint256 seats, uint256 height);
    /// @notice These voters sit on the panel, seat by seat, zero on an empty one.
    event PanelDrawn(CaseId indexed id, uint256 indexed round, uint256 seed, address[] voters, uint256 endsAt);
    /// @notice The voter committed; `note` is for itself.
    event VoteCommitted(CaseId indexed id, uint256 indexed round, address indexed voter, bytes32 vote, bytes note);
    /// @notice Votes are revealed from now on.
    event RevealStarted(CaseId indexed id, uint256 indexed round, uint256 endsAt);
    /// @notice The voter voted for this option.
    event VoteRevealed(CaseId indexed id, uint256 indexed round, address indexed voter, uint256 choice);
    /// @notice The voter gave these scores.
    event ScoresRevealed(CaseId indexed id, uint256 indexed round, address indexed voter, Scores scores);
    /// @notice The round ended. `decided`: whether it changed or confirmed the ruling, which stands like this now.
    event RoundEnded(
        CaseId indexed id, uint256 indexed round, bool decided, uint256 choice, bytes32 scores, uint256 endsAt
    );
    /// @notice The medians of a round that was decided.
    event MediansFound(CaseId indexed id, uint256 indexed round, Scores medians);
    /// @notice Somebody paid for another round.
    event Appealed(CaseId indexed id, uint256 indexed round, address indexed payer, uint256 side, uint256 seats);
    /// @notice The ruling is final. `told`: whether the client took the call.
    event CaseRuled(
        CaseId indexed id, address indexed client, uint256 choice, bytes32 scores, uint256 costs, bool told
    );
    /// @notice The seats of a round were paid: `reward` for each coherent one; `burnt` is what nobody earned.
    event RoundSettled(CaseId indexed id, uint256 indexed round, uint256 coherent, uint256 reward, uint256 burnt);
    /// @notice So much of the costs was paid.
    event CostsPaid(CaseId indexed id, address indexed from, uint256 amount, uint256 left);

    // ------------------------------------------------------------------ cases

    /// @notice Open a case; the caller is its client and pays `feeOf(seats)` in MarketToken, which it has approved.
    /// @param payer Who gets the fee back if nobody earns it, and costs if it is on the side that wins. (SPEC OC-13)
    function open(CaseTerms calldata terms, address payer) external returns (CaseId id);

    /// @notice Say something about a case that is not ruled. By anybody; kept in the log alone.
    /// @param evidence Digest of it.
    /// @param uri Where it is.
    function submitEvidence(CaseId id, bytes32 evidence, string calldata uri) external;

    /// @notice Move a case on whose period is over. By anybody.
    /// @dev Evidence: by time, or by its client early. Draw: once the chain can't prove the block any more, and it is the
    /// next. Commit, Reveal: by time (early ends come by themselves); scores that were revealed need `tally`. Appeal: by time.
    function advance(CaseId id) external;

    /// @notice Draw the panel of the case that is next. By anybody.
    /// @param header RLP of the header of the block `drawHeight`.
    function draw(CaseId id, bytes calldata header) external;

    /// @notice Commit to a vote. By a voter of the panel, once a round, for all its seats.
    /// @param seat The first one that the sender sits on.
    /// @param vote EIP-712 digest of `Vote`. (SPEC OC-8)
    /// @param note The voter's ballot, encrypted to itself, at most MAX_NOTE_BYTES.
    function commit(CaseId id, uint256 seat, bytes32 vote, bytes calldata note) external;

    /// @notice Reveal a choice. The last one ends the round.
    function reveal(CaseId id, uint256 seat, uint256 choice, bytes32 salt) external;

    /// @notice Reveal scores; entries beyond the case's are zero.
    function revealScores(CaseId id, uint256 seat, Scores calldata scores, bytes32 salt) external;

    /// @notice Find the medians, once all have revealed or time is over. By anybody.
    /// @param revealed Of each voter that revealed, in the order of the seats.
    function tally(CaseId id, Scores[] calldata revealed) external;

    /// @notice Pay for a panel of 2n + 1 seats: `appealCostOf`. By anybody, in MarketToken.
    /// @param side Option that the sender takes, other than the standing one; zero for scores.
    function appeal(CaseId id, uint256 side) external;

    /// @notice Pay the seats of a round of choices, and take what they lost. By anybody. Rules the case if that is due.
    function settle(CaseId id, uint256 round) external;

    /// @notice Likewise for a round of scores.
    /// @param revealed Of each voter that revealed, in the order of the seats.
    /// @param medians The final ones; whatever if there are none.
    function settleScores(CaseId id, uint256 round, Scores[] calldata revealed, Scores calldata medians) external;

    /// @notice Pay of a case's `costs`, out of the sender's pocket, to those whom they are owed.
    function payCosts(CaseId id, uint256 amount) external;

    /// @notice Pay the sender what it is credited, and what it unstaked long enough ago, as far as it is not locked.
    function withdraw() external returns (uint256 amount);

    /// @notice Note whose number this is. By the pool of voters.
    function enrol(uint256 number, address account) external;

    // ------------------------------------------------------------------ views

    /// @notice What a panel of so many seats costs, in MarketToken.
    function feeOf(uint256 seats) external view returns (uint256);

    /// @notice What an appeal now takes: the fee of the larger panel, and for choices as much again as security.
    function appealCostOf(CaseId id) external view returns (uint256);

    function rulingOf(CaseId id) external view returns (Ruling memory);

    function periodOf(CaseId id) external view returns (CasePeriod);

    /// @notice Voters of the seats of the running round, seat by seat, zero for an empty one; none before the draw.
    function panelOf(CaseId id) external view returns (address[] memory);

    /// @notice Where a case stands.
    function caseOf(CaseId id) external view returns (Case memory);

    /// @notice A round up to the running one.
    function roundOf(CaseId id, uint256 round) external view returns (Round memory);

    /// @notice Panel of a round, as `panelOf`.
    function panelAt(CaseId id, uint256 round) external view returns (address[] memory);

    /// @notice What the court holds of a voter's commitment or vote: see CourtRules; zero if there is none.
    function ballotOf(CaseId id, uint256 round, address voter) external view returns (uint256);

    /// @notice What the account can withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice How many cases there were.
    function caseCount() external view returns (uint256);

    /// @notice The case whose draw is next, and its height; zero if none waits.
    function nextDraw() external view returns (CaseId id, uint256 height);

    /// @notice Reverts while stakes and locks wait for a draw. (SPEC OC-4)
    function requireStill() external view;

    function MARKET_TOKEN() external view returns (IMarketToken);
    function VOTERS() external view returns (IVoterPool);
    function DRAW_DELAY() external view returns (uint256);
    function MIN_PERIOD() external view returns (uint256);
    function MAX_PERIOD() external view returns (uint256);
}

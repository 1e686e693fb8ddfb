// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {
    Case,
    CaseId,
    CaseTerms,
    CourtSettings,
    ICourtClient,
    IOracleCourt,
    Round,
    Ruling,
    Scores,
    TermsField
} from "../../interfaces/IOracleCourt.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IVoterPool, Panel} from "../../interfaces/IVoterPool.sol";
import {
    CALLBACK_GAS,
    MAX_APPEALS,
    MAX_FIRST_PANEL,
    MAX_NOTE_BYTES,
    MAX_OPTIONS,
    MAX_SCORES
} from "../protocol/Constants.sol";
import {CaseKind, CasePeriod} from "../protocol/Enums.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, Messages, Vote} from "../protocol/Messages.sol";
import {CaseHead, Head, Payment} from "./CaseHead.sol";
import {Ballot, Contribution, CourtRules} from "./CourtRules.sol";
import {CourtCounter} from "./CourtCounter.sol";
import {VoterPool} from "./VoterPool.sol";

/// @title OracleCourt
/// @notice A paid, staked panel rules what no contract can compute.
/// @dev Lifecycle, trust and assumptions stand in IOracleCourt. Invariants: OC-I1 to OC-I4.
///
/// Reentrancy: the one foreign call is to a case's client, last in the action that rules it, when all is written.
contract OracleCourt is IOracleCourt, EIP712 {
    using CaseHead for Head;
    using Messages for Vote;
    using CaseHead for Payment;
    using SafeERC20 for IMarketToken;

    /// @dev What votes do not need.
    struct Terms {
        address client;
        uint32 tolerance;
    }

    /// @dev Cases are waiting for their draws from `first` to `last`, linked by their heads; zero if none is.
    struct Queue {
        uint32 cases;
        uint32 first;
        uint32 last;
    }

    /// @dev A seat takes 32 bits: the number of its voter, and on the voter's first seat what it revealed.
    uint256 private constant _SEATS_A_WORD = 8;
    uint256 private constant _SEAT_BITS = 32;
    uint256 private constant _NUMBER_BITS = 24;
    uint256 private constant _NUMBER = type(uint24).max;
    /// @dev What the caller of a client has left for itself, beyond the 64th that no call can take.
    uint256 private constant _GAS_AROUND_CALLBACK = 40_000;

    /// @inheritdoc IOracleCourt
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IOracleCourt
    IVoterPool public immutable VOTERS;
    /// @inheritdoc IOracleCourt
    uint256 public immutable DRAW_DELAY;
    /// @inheritdoc IOracleCourt
    uint256 public immutable MIN_PERIOD;
    /// @inheritdoc IOracleCourt
    uint256 public immutable MAX_PERIOD;

    CourtCounter private immutable _COUNTER;

    Queue private _queue;
    mapping(uint256 id => uint256 head) private _heads;
    mapping(uint256 id => Terms) private _terms;
    mapping(uint256 id => bytes32 medians) private _medians;
    mapping(uint256 id => uint256 amount) private _costsPaid;
    mapping(uint256 place => uint256 payment) private _payments;
    /// @dev Seats of a round, eight a word, empty ones at the end. What was revealed: the choice, or 1 for scores.
    mapping(uint256 place => uint256 seats) private _panels;
    /// @dev A voter's commitment in a round until it is revealed, then the hash of its scores, see CourtRules.
    mapping(uint256 place => uint256 word) private _ballots;
    /// @dev Whose number in the pool it is.
    mapping(uint256 voter => address account) private _accounts;
    mapping(address account => uint256 amount) private _credits;

    constructor(IMarketToken token, IParticipantRegistry registry, CourtSettings memory settings)
        EIP712(DOMAIN_NAME, DOMAIN_VERSION)
    {
        require(
            settings.drawDelay > 0 && 0 < settings.minPeriod && settings.minPeriod <= settings.maxPeriod
                && settings.maxPeriod <= type(uint24).max,
            InvalidSettings()
        );
        _COUNTER = new CourtCounter();
        MARKET_TOKEN = token;
        VOTERS = new VoterPool(token, registry, settings.unstakingPeriod);
        DRAW_DELAY = settings.drawDelay;
        MIN_PERIOD = settings.minPeriod;
        MAX_PERIOD = settings.maxPeriod;
    }

    // ------------------------------------------------------------------ a case begins

    /// @inheritdoc IOracleCourt
    function open(CaseTerms calldata terms, address payer) external returns (CaseId id) {
        _requireValid(terms);
        require(payer != address(0), PayerMissing());
        uint256 number = ++_queue.cases;
        id = CaseId.wrap(number);
        Head memory head;
        head.period = CasePeriod.Evidence;
        head.kind = terms.kind;
        head.seats = terms.seats;
        head.size = terms.size;
        head.standing = terms.standard;
        head.commitPeriod = terms.commitPeriod;
        head.revealPeriod = terms.revealPeriod;
        head.appealPeriod = terms.appealPeriod;
        head.endsAt = block.timestamp + terms.evidencePeriod;
        _terms[number] = Terms(msg.sender, terms.tolerance);
        _keepPayment(number, 0, Payment(payer, terms.side, terms.seats, true, false, false));
        emit CaseOpened(id, msg.sender, payer, terms, head.endsAt);
        if (terms.evidencePeriod == 0) _scheduleDraw(number, head);
        _heads[number] = head.pack();
        _pull(CourtRules.feeOf(terms.seats));
    }

    /// @inheritdoc IOracleCourt
    function submitEvidence(CaseId id, bytes32 evidence, string calldata uri) external {
        CasePeriod period = _headOf(CaseId.unwrap(id)).period;
        require(period != CasePeriod.Ruled, WrongPeriod(id, period, CasePeriod.Evidence));
        emit EvidenceSubmitted(id, msg.sender, evidence, uri);
    }

    /// @inheritdoc IOracleCourt
    function advance(CaseId id) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headOf(number);
        if (head.period == CasePeriod.Evidence) {
            if (msg.sender != _terms[number].client) _requireOver(number, head);
            _scheduleDraw(number, head);
        } else if (head.period == CasePeriod.Draw) {
            _missDraw(number, head);
        } else if (head.period == CasePeriod.Commit) {
            _requireOver(number, head);
            if (head.committed == 0) _endUndecided(number, head);
            else _startReveal(number, head);
        } else if (head.period == CasePeriod.Reveal) {
            _requireOver(number, head);
            require(head.kind == CaseKind.Choice || _revealedOf(number, head) == 0, WrongKind(id, head.kind));
            _countChoices(number, head);
        } else {
            _rule(number, head);
        }
        _heads[number] = head.pack();
        if (head.period == CasePeriod.Ruled) _tellClient(number, head);
    }

    // ------------------------------------------------------------------ a round

    /// @inheritdoc IOracleCourt
    function draw(CaseId id, bytes calldata header) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Draw);
        _leaveQueue(number, head);
        Panel memory panel = VOTERS.draw(number, head.round, head.seats, head.height, header);
        for (uint256 i; i < panel.words.length; ++i) {
            _panels[CourtRules.placeOf(number, head.round, i)] = panel.words[i];
        }
        (head.voters, head.committed) = (panel.voters, 0);
        head.period = CasePeriod.Commit;
        head.endsAt = block.timestamp + head.commitPeriod;
        emit PanelDrawn(id, head.round, panel.seed, panel.accounts, head.endsAt);
        if (panel.voters == 0) _endUndecided(number, head);
        _heads[number] = head.pack();
    }

    /// @inheritdoc IOracleCourt
    function commit(CaseId id, uint256 seat, bytes32 vote, bytes calldata note) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Commit);
        _requireNotOver(number, head);
        require(note.length <= MAX_NOTE_BYTES, NoteTooLong(note.length, MAX_NOTE_BYTES));
        uint256 word = CourtRules.committed(vote);
        require(word != 0, EmptyCommitment());
        (uint256 voter,) = _seatOf(number, head, seat);
        uint256 place = CourtRules.placeOf(number, head.round, voter);
        require(_ballots[place] == 0, AlreadyCommitted(id, msg.sender));
        _ballots[place] = word;
        emit VoteCommitted(id, head.round, msg.sender, vote, note);
        if (++head.committed == head.voters) _startReveal(number, head);
        _heads[number] = head.pack();
    }

    /// @inheritdoc IOracleCourt
    function reveal(CaseId id, uint256 seat, uint256 choice, bytes32 salt) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Reveal);
        require(head.kind == CaseKind.Choice, WrongKind(id, head.kind));
        require(choice != 0 && choice <= head.size, InvalidChoice(id, choice, head.size));
        _ballots[_open(number, head, seat, bytes32(choice), salt, choice)] = 0;
        emit VoteRevealed(id, head.round, msg.sender, choice);
        if (_revealedOf(number, head) == head.committed) {
            _countChoices(number, head);
            _heads[number] = head.pack();
        }
    }

    /// @inheritdoc IOracleCourt
    function revealScores(CaseId id, uint256 seat, Scores calldata scores, bytes32 salt) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Reveal);
        require(head.kind == CaseKind.Scores, WrongKind(id, head.kind));
        bytes32 ballot = _COUNTER.hashOf(scores, head.size);
        _ballots[_open(number, head, seat, ballot, salt, 1)] = CourtRules.revealed(ballot);
        emit ScoresRevealed(id, head.round, msg.sender, scores);
    }

    /// @inheritdoc IOracleCourt
    function tally(CaseId id, Scores[] calldata revealed) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Reveal);
        require(head.kind == CaseKind.Scores, WrongKind(id, head.kind));
        uint256 count = _revealedOf(number, head);
        require(count != 0, WrongBallots(revealed.length, 0));
        if (count != head.committed) _requireOver(number, head);
        (Scores memory medians, bytes32 hash) =
            _COUNTER.medians(_ballotsOf(number, head, head.round, head.seats), revealed);
        _medians[number] = hash;
        emit MediansFound(id, head.round, medians);
        _endRound(number, head, true);
        _heads[number] = head.pack();
    }

    /// @inheritdoc IOracleCourt
    function appeal(CaseId id, uint256 side) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Appeal);
        require(head.appeals < MAX_APPEALS, NoMoreAppeals(id, head.appeals));
        _requireNotOver(number, head);
        bool onSide = head.kind == CaseKind.Choice;
        require(
            onSide ? side != 0 && side <= head.size && side != head.standing : side == 0,
            InvalidSide(id, side, head.standing)
        );
        uint256 cost = _appealCost(head);
        ++head.appeals;
        ++head.round;
        head.redrawn = false;
        head.seats = 2 * head.seats + 1;
        _keepPayment(number, head.round, Payment(msg.sender, side, head.seats, true, onSide, false));
        emit Appealed(id, head.round, msg.sender, side, head.seats);
        _scheduleDraw(number, head);
        _heads[number] = head.pack();
        _pull(cost);
    }

    // ------------------------------------------------------------------ money

    /// @inheritdoc IOracleCourt
    function settle(CaseId id, uint256 round) external {
        (uint256 number, Head memory head, bool ruled) = _settleable(id, round, CaseKind.Choice);
        Payment memory payment = _paymentOf(number, round);
        Ballot[] memory ballots = _ballotsOf(number, head, round, payment.seats);
        for (uint256 i; i < ballots.length; ++i) {
            ballots[i].coherent = ballots[i].word == CourtRules.revealed(head.standing);
        }
        _pay(number, round, payment, ballots);
        if (ruled) _tellClient(number, head);
    }

    /// @inheritdoc IOracleCourt
    function settleScores(CaseId id, uint256 round, Scores[] calldata revealed, Scores calldata medians) external {
        (uint256 number, Head memory head, bool ruled) = _settleable(id, round, CaseKind.Scores);
        Payment memory payment = _paymentOf(number, round);
        Ballot[] memory ballots = _ballotsOf(number, head, round, payment.seats);
        uint256 tolerance = _terms[number].tolerance;
        ballots = _COUNTER.mark(ballots, revealed, medians, _medians[number], head.size, tolerance);
        _pay(number, round, payment, ballots);
        if (ruled) _tellClient(number, head);
    }

    /// @inheritdoc IOracleCourt
    function payCosts(CaseId id, uint256 amount) external {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headIn(number, CasePeriod.Ruled);
        uint256 left = _costsOf(number, head);
        require(amount != 0 && amount <= left, CostsExceeded(id, left, amount));
        _costsPaid[number] += amount;
        (Contribution[] memory paid, address[] memory payers) = _contributions(number, head);
        _creditAll(payers, _COUNTER.madeGood(paid, left, amount));
        emit CostsPaid(id, msg.sender, amount, left - amount);
        _pull(amount);
    }

    /// @inheritdoc IOracleCourt
    function withdraw() external returns (uint256 amount) {
        amount = _credits[msg.sender];
        if (amount != 0) _credits[msg.sender] = 0;
        amount += VOTERS.collect(msg.sender);
        require(amount != 0, NothingToWithdraw(msg.sender));
        emit Withdrawn(msg.sender, amount);
        MARKET_TOKEN.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IOracleCourt
    function enrol(uint256 number, address account) external {
        require(msg.sender == address(VOTERS), NotPool(msg.sender));
        _accounts[number] = account;
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IOracleCourt
    function requireStill() public view {
        uint256 first = _queue.first;
        if (first == 0) return;
        uint256 height = CaseHead.unpack(_heads[first]).height;
        require(block.number + DRAW_DELAY < height, DrawPending(CaseId.wrap(first), height));
    }

    /// @inheritdoc IOracleCourt
    function creditOf(address account) external view returns (uint256) {
        return _credits[account] + VOTERS.owedTo(account);
    }

    /// @inheritdoc IOracleCourt
    function feeOf(uint256 seats) external pure returns (uint256) {
        return CourtRules.feeOf(seats);
    }

    /// @inheritdoc IOracleCourt
    function appealCostOf(CaseId id) external view returns (uint256) {
        return _appealCost(_headOf(CaseId.unwrap(id)));
    }

    /// @inheritdoc IOracleCourt
    function rulingOf(CaseId id) external view returns (Ruling memory) {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headOf(number);
        return Ruling({
            isFinal: head.period == CasePeriod.Ruled,
            choice: uint16(head.standing),
            scores: _medians[number],
            costs: head.period == CasePeriod.Ruled ? _costsOf(number, head) : 0
        });
    }

    /// @inheritdoc IOracleCourt
    function periodOf(CaseId id) external view returns (CasePeriod) {
        return CaseHead.unpack(_heads[CaseId.unwrap(id)]).period;
    }

    /// @inheritdoc IOracleCourt
    function panelOf(CaseId id) external view returns (address[] memory) {
        return panelAt(id, _headOf(CaseId.unwrap(id)).round);
    }

    /// @inheritdoc IOracleCourt
    function panelAt(CaseId id, uint256 round) public view returns (address[] memory accounts) {
        uint256 number = CaseId.unwrap(id);
        uint256[] memory panel = _panelOf(number, round, _paymentOf(number, round).seats);
        if (panel.length == 0 || panel[0] == 0) return accounts;
        accounts = new address[](panel.length);
        for (uint256 seat; seat < panel.length; ++seat) {
            accounts[seat] = _accounts[panel[seat] & _NUMBER];
        }
    }

    /// @inheritdoc IOracleCourt
    function caseOf(CaseId id) external view returns (Case memory) {
        uint256 number = CaseId.unwrap(id);
        Head memory head = _headOf(number);
        Terms memory terms = _terms[number];
        return Case({
            client: terms.client,
            kind: head.kind,
            period: head.period,
            round: head.round,
            appeals: head.appeals,
            redrawn: head.redrawn,
            endsAt: head.endsAt,
            drawHeight: head.height,
            seats: head.seats,
            voters: head.voters,
            committed: head.committed,
            revealed: _revealedOf(number, head),
            size: head.size,
            tolerance: terms.tolerance,
            commitPeriod: head.commitPeriod,
            revealPeriod: head.revealPeriod,
            appealPeriod: head.appealPeriod
        });
    }

    /// @inheritdoc IOracleCourt
    function roundOf(CaseId id, uint256 round) external view returns (Round memory) {
        Payment memory payment = _paymentOf(CaseId.unwrap(id), round);
        uint256 fee = CourtRules.feeOf(payment.seats);
        return Round({
            payer: payment.payer,
            side: payment.side,
            seats: payment.seats,
            fee: payment.paid ? fee : 0,
            security: payment.secured ? fee : 0,
            settled: (CaseHead.unpack(_heads[CaseId.unwrap(id)]).settled >> round) & 1 != 0
        });
    }

    /// @inheritdoc IOracleCourt
    function ballotOf(CaseId id, uint256 round, address voter) external view returns (uint256) {
        (uint256 number, uint256 who) = (CaseId.unwrap(id), VOTERS.numberOf(voter));
        uint256 held = _ballots[CourtRules.placeOf(number, round, who)];
        if (held != 0) return held;
        uint256[] memory panel = _panelOf(number, round, _paymentOf(number, round).seats);
        for (uint256 seat; seat < panel.length; ++seat) {
            uint256 choice = panel[seat] >> _NUMBER_BITS;
            if (choice != 0 && panel[seat] & _NUMBER == who) return CourtRules.revealed(choice);
        }
        return 0;
    }

    /// @inheritdoc IOracleCourt
    function caseCount() external view returns (uint256) {
        return _queue.cases;
    }

    /// @inheritdoc IOracleCourt
    function nextDraw() external view returns (CaseId id, uint256 height) {
        uint256 first = _queue.first;
        return (CaseId.wrap(first), CaseHead.unpack(_heads[first]).height);
    }

    // ------------------------------------------------------------------ periods

    function _requireValid(CaseTerms calldata terms) private view {
        bool scores = terms.kind == CaseKind.Scores;
        (uint256 size, uint256 standard) = (terms.size, terms.standard);
        _require(terms.kind != CaseKind.Absent, TermsField.Kind);
        _require(terms.seats % 2 == 1 && terms.seats <= MAX_FIRST_PANEL, TermsField.Seats);
        _require(scores ? size != 0 && size <= MAX_SCORES : size > 1 && size <= MAX_OPTIONS, TermsField.Size);
        _require(scores ? standard == 0 : standard != 0 && standard <= size, TermsField.Standard);
        _require(scores || terms.tolerance == 0, TermsField.Tolerance);
        _require(terms.side <= (scores ? 0 : size), TermsField.Side);
        _require(terms.evidencePeriod == 0 || _isPeriod(terms.evidencePeriod), TermsField.EvidencePeriod);
        _require(_isPeriod(terms.commitPeriod), TermsField.CommitPeriod);
        _require(_isPeriod(terms.revealPeriod), TermsField.RevealPeriod);
        _require(_isPeriod(terms.appealPeriod), TermsField.AppealPeriod);
    }

    function _require(bool valid, TermsField field) private pure {
        require(valid, InvalidTerms(field));
    }

    function _isPeriod(uint256 period) private view returns (bool) {
        return MIN_PERIOD <= period && period <= MAX_PERIOD;
    }

    function _headOf(uint256 number) private view returns (Head memory head) {
        head = CaseHead.unpack(_heads[number]);
        require(head.period != CasePeriod.Absent, UnknownCase(CaseId.wrap(number)));
    }

    function _headIn(uint256 number, CasePeriod needed) private view returns (Head memory head) {
        head = _headOf(number);
        require(head.period == needed, WrongPeriod(CaseId.wrap(number), head.period, needed));
    }

    function _requireOver(uint256 number, Head memory head) private view {
        require(
            block.timestamp >= head.endsAt,
            PeriodNotOver(CaseId.wrap(number), head.period, head.endsAt, block.timestamp)
        );
    }

    function _requireNotOver(uint256 number, Head memory head) private view {
        require(
            block.timestamp < head.endsAt, PeriodOver(CaseId.wrap(number), head.period, head.endsAt, block.timestamp)
        );
    }

    /// @dev Heights never fall from one draw to the next, so the first that waits is the first that is due.
    function _scheduleDraw(uint256 number, Head memory head) private {
        head.period = CasePeriod.Draw;
        head.height = CourtRules.drawHeight(block.number, DRAW_DELAY);
        uint256 last = _queue.last;
        if (last == 0) {
            _queue.first = uint32(number);
        } else {
            Head memory before = CaseHead.unpack(_heads[last]);
            before.next = number;
            _heads[last] = before.pack();
        }
        _queue.last = uint32(number);
        emit DrawScheduled(CaseId.wrap(number), head.round, head.seats, head.height);
    }

    function _leaveQueue(uint256 number, Head memory head) private {
        uint256 first = _queue.first;
        require(first == number, NotNextDraw(CaseId.wrap(number), CaseId.wrap(first)));
        _queue.first = uint32(head.next);
        if (head.next == 0) _queue.last = 0;
        head.next = 0;
    }

    /// @dev Nobody drew while the chain could prove the block: what stands is final, and no other block is tried. (OC-4)
    function _missDraw(uint256 number, Head memory head) private {
        require(VOTERS.isMissed(head.height), DrawNotMissed(CaseId.wrap(number), head.height, block.number));
        _leaveQueue(number, head);
        (head.voters, head.committed) = (0, 0);
        _finish(number, head);
    }

    function _resultOf(uint256 number, Head memory head) private view returns (bytes32) {
        return head.kind == CaseKind.Scores ? _medians[number] : bytes32(0);
    }

    function _startReveal(uint256 number, Head memory head) private {
        head.period = CasePeriod.Reveal;
        head.endsAt = block.timestamp + head.revealPeriod;
        emit RevealStarted(CaseId.wrap(number), head.round, head.endsAt);
    }

    function _countChoices(uint256 number, Head memory head) private {
        uint256 winner = CourtRules.winnerOf(_ballotsOf(number, head, head.round, head.seats), head.size);
        if (winner == 0) return _endUndecided(number, head);
        head.standing = winner;
        _endRound(number, head, true);
    }

    /// @dev A tie, or nobody voted: one redraw, which takes the fee along; then what stood before holds. (SPEC OC-10)
    function _endUndecided(uint256 number, Head memory head) private {
        if (head.redrawn) return _endRound(number, head, false);
        emit RoundEnded(CaseId.wrap(number), head.round, false, head.standing, _resultOf(number, head), block.timestamp);
        Payment memory payment = _paymentOf(number, head.round);
        _keepPayment(number, head.round + 1, payment);
        (payment.paid, payment.secured) = (false, false);
        _keepPayment(number, head.round, payment);
        ++head.round;
        head.redrawn = true;
        _scheduleDraw(number, head);
    }

    function _endRound(uint256 number, Head memory head, bool decided) private {
        head.period = CasePeriod.Appeal;
        head.endsAt = block.timestamp + (head.appeals < MAX_APPEALS ? head.appealPeriod : 0);
        emit RoundEnded(CaseId.wrap(number), head.round, decided, head.standing, _resultOf(number, head), head.endsAt);
    }

    function _rule(uint256 number, Head memory head) private {
        require(head.period == CasePeriod.Appeal, WrongPeriod(CaseId.wrap(number), head.period, CasePeriod.Appeal));
        _requireOver(number, head);
        _finish(number, head);
    }

    function _finish(uint256 number, Head memory head) private {
        head.period = CasePeriod.Ruled;
        if (head.kind == CaseKind.Choice) _divide(number, head);
    }

    /// @dev The client can't be starved, since the caller has to bring the gas, nor can it starve the court: it gets so
    /// much, and what it answers is not copied. Assembly, since Solidity copies answers: 400 kB of them cost 500,000 gas.
    function _tellClient(uint256 number, Head memory head) private {
        uint256 needed = CALLBACK_GAS + CALLBACK_GAS / 63 + _GAS_AROUND_CALLBACK;
        require(gasleft() >= needed, NotEnoughGas(gasleft(), needed));
        address client = _terms[number].client;
        bytes memory data = abi.encodeCall(ICourtClient.onRuling, CaseId.wrap(number));
        bool told;
        assembly ("memory-safe") {
            told := call(CALLBACK_GAS, client, 0, add(data, 32), mload(data), 0, 0)
        }
        emit CaseRuled(
            CaseId.wrap(number), client, head.standing, _resultOf(number, head), _costsOf(number, head), told
        );
    }

    // ------------------------------------------------------------------ votes and panels

    /// @dev What is kept of each seat; zeros before the draw and after the settlement.
    function _panelOf(uint256 number, uint256 round, uint256 seats) private view returns (uint256[] memory panel) {
        unchecked {
            panel = new uint256[](seats);
            uint256 word;
            for (uint256 seat; seat < seats; ++seat) {
                if (seat % _SEATS_A_WORD == 0) {
                    word = _panels[CourtRules.placeOf(number, round, seat / _SEATS_A_WORD)];
                    if (word == 0) return panel;
                }
                panel[seat] = uint32(word);
                word >>= _SEAT_BITS;
            }
        }
    }

    /// @dev How many voters of the running round have revealed: each leaves a mark on one seat.
    function _revealedOf(uint256 number, Head memory head) private view returns (uint256 revealed) {
        unchecked {
            uint256 word;
            for (uint256 seat; seat < head.seats; ++seat) {
                if (seat % _SEATS_A_WORD == 0) {
                    word = _panels[CourtRules.placeOf(number, head.round, seat / _SEATS_A_WORD)];
                }
                if (uint32(word) >> _NUMBER_BITS != 0) ++revealed;
                word >>= _SEAT_BITS;
            }
        }
    }

    /// @dev The number of the sender, whose first seat this has to be, and the word that the seat is in.
    function _seatOf(uint256 number, Head memory head, uint256 seat)
        private
        view
        returns (uint256 voter, uint256 word)
    {
        unchecked {
            word = _panels[CourtRules.placeOf(number, head.round, seat / _SEATS_A_WORD)];
            uint256 at = _SEAT_BITS * (seat % _SEATS_A_WORD);
            voter = (word >> at) & _NUMBER;
            uint256 before;
            if (at != 0) {
                before = word >> (at - _SEAT_BITS);
            } else if (seat != 0) {
                before = _panels[CourtRules.placeOf(number, head.round, seat / _SEATS_A_WORD - 1)] >> 224;
            }
            require(
                seat < head.seats && voter != 0 && voter != before & _NUMBER && _accounts[voter] == msg.sender,
                NotOnSeat(CaseId.wrap(number), seat, msg.sender)
            );
        }
    }

    /// @dev Check what the sender committed to and note it on its seat. Answers where the commitment is, which the caller
    /// replaces.
    function _open(uint256 number, Head memory head, uint256 seat, bytes32 ballot, bytes32 salt, uint256 noted)
        private
        returns (uint256 place)
    {
        _requireNotOver(number, head);
        (uint256 voter, uint256 word) = _seatOf(number, head, seat);
        place = CourtRules.placeOf(number, head.round, voter);
        _requireCommitted(number, head.round, _ballots[place], ballot, salt);
        uint256 at = _SEAT_BITS * (seat % _SEATS_A_WORD) + _NUMBER_BITS;
        _panels[CourtRules.placeOf(number, head.round, seat / _SEATS_A_WORD)] = word | noted << at;
    }

    function _requireCommitted(uint256 number, uint256 round, uint256 held, bytes32 ballot, bytes32 salt) private view {
        CaseId id = CaseId.wrap(number);
        require(held != 0 && !CourtRules.isRevealed(held), NothingToReveal(id, msg.sender));
        bytes32 vote = _hashTypedDataV4(Vote(number, uint32(round), msg.sender, ballot, salt).hash());
        require(CourtRules.committed(vote) == held, InvalidReveal(id, msg.sender, vote));
    }

    /// @dev What each voter of a round's panel did, in the order of seats: a voter's seats are side by side.
    function _ballotsOf(uint256 number, Head memory head, uint256 round, uint256 seats)
        private
        view
        returns (Ballot[] memory ballots)
    {
        unchecked {
            uint256[] memory panel = _panelOf(number, round, seats);
            uint256 voters;
            uint256 last;
            for (uint256 seat; seat < seats && panel[seat] != 0; ++seat) {
                uint256 voter = panel[seat] & _NUMBER;
                if (voter != last) ++voters;
                last = voter;
            }
            ballots = new Ballot[](voters);
            uint256 seat_;
            for (uint256 i; i < voters; ++i) {
                Ballot memory ballot = ballots[i];
                uint256 noted = panel[seat_] >> _NUMBER_BITS;
                ballot.voter = panel[seat_] & _NUMBER;
                if (noted != 0) {
                    ballot.word = head.kind == CaseKind.Choice
                        ? CourtRules.revealed(noted)
                        : _ballots[CourtRules.placeOf(number, round, ballot.voter)];
                }
                do {
                    ++ballot.seats;
                } while (++seat_ < seats && panel[seat_] & _NUMBER == ballot.voter);
            }
        }
    }

    // ------------------------------------------------------------------ money, within

    function _appealCost(Head memory head) private pure returns (uint256) {
        uint256 fee = CourtRules.feeOf(2 * head.seats + 1);
        return head.kind == CaseKind.Choice ? 2 * fee : fee;
    }

    /// @dev Whom the fees and securities of a case of choices go to that is ruled now. (SPEC OC-13)
    function _divide(uint256 number, Head memory head) private {
        for (uint256 round; round <= head.round; ++round) {
            Payment memory payment = _paymentOf(number, round);
            if (!payment.paid || _someoneChose(_panelOf(number, round, payment.seats), head.standing)) continue;
            payment.returned = true;
            _keepPayment(number, round, payment);
            if (head.round == 0) _credit(payment.payer, CourtRules.feeOf(payment.seats));
        }
        // With one round there is no security to divide.
        if (head.round == 0) return;
        (Contribution[] memory paid, address[] memory payers) = _contributions(number, head);
        (uint256[] memory credits,) = _COUNTER.divide(paid);
        _creditAll(payers, credits);
    }

    /// @dev What was paid into a case of choices that is ruled, round by round, and by whom.
    function _contributions(uint256 number, Head memory head)
        private
        view
        returns (Contribution[] memory paid, address[] memory payers)
    {
        paid = new Contribution[](head.round + 1);
        payers = new address[](head.round + 1);
        for (uint256 round; round <= head.round; ++round) {
            Payment memory payment = _paymentOf(number, round);
            payers[round] = payment.payer;
            if (!payment.paid) continue;
            Contribution memory each = paid[round];
            each.fee = CourtRules.feeOf(payment.seats);
            if (payment.secured) each.security = each.fee;
            each.right = payment.side == head.standing;
            each.wrong = payment.side != 0 && !each.right;
            each.earned = !payment.returned;
        }
    }

    /// @dev What is still owed to those on the side that won.
    function _costsOf(uint256 number, Head memory head) private view returns (uint256 costs) {
        if (head.kind == CaseKind.Scores) return 0;
        if (head.round == 0) {
            Payment memory payment = _paymentOf(number, 0);
            if (payment.side == head.standing && !payment.returned) costs = CourtRules.feeOf(payment.seats);
        } else {
            (Contribution[] memory paid,) = _contributions(number, head);
            (, costs) = _COUNTER.divide(paid);
        }
        costs -= _costsPaid[number];
    }

    function _creditAll(address[] memory accounts, uint256[] memory amounts) private {
        for (uint256 i; i < accounts.length; ++i) {
            _credit(accounts[i], amounts[i]);
        }
    }

    function _someoneChose(uint256[] memory panel, uint256 choice) private pure returns (bool) {
        unchecked {
            for (uint256 seat; seat < panel.length; ++seat) {
                if (panel[seat] >> _NUMBER_BITS == choice) return true;
            }
            return false;
        }
    }

    /// @dev A case, ruled now if its time for appeals is over, with a round from now on settled.
    function _settleable(CaseId id, uint256 round, CaseKind kind)
        private
        returns (uint256 number, Head memory head, bool ruled)
    {
        requireStill();
        number = CaseId.unwrap(id);
        head = _headOf(number);
        require(head.kind == kind, WrongKind(id, head.kind));
        ruled = head.period != CasePeriod.Ruled;
        if (ruled) _rule(number, head);
        require(round <= head.round && (head.settled >> round) & 1 == 0, NotSettleable(id, round));
        head.settled |= 1 << round;
        _heads[number] = head.pack();
    }

    function _keepPayment(uint256 number, uint256 round, Payment memory payment) private {
        _payments[CourtRules.placeOf(number, round, 0)] = payment.pack();
    }

    function _paymentOf(uint256 number, uint256 round) private view returns (Payment memory) {
        return CaseHead.unpackPayment(_payments[CourtRules.placeOf(number, round, 0)]);
    }

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        _credits[account] += amount;
        emit Credited(account, amount);
    }

    function _pull(uint256 amount) private {
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev Pays the coherent seats of a round, takes what the others lose, and forgets the votes. (SPEC OC-11, OC-13)
    function _pay(uint256 number, uint256 round, Payment memory payment, Ballot[] memory ballots) private {
        uint256 coherent;
        uint256 others;
        for (uint256 i; i < ballots.length; ++i) {
            if (ballots[i].coherent) coherent += ballots[i].seats;
            else others += ballots[i].seats;
        }
        uint256 fee = payment.paid && !payment.returned ? CourtRules.feeOf(payment.seats) : 0;
        (uint256 reward, uint256 odd, uint256 burnt) = CourtRules.rewardOf(fee, coherent, others);
        if (coherent == 0) _credit(payment.payer, fee);
        VOTERS.release(ballots, reward, odd);
        for (uint256 seat; seat < payment.seats; seat += _SEATS_A_WORD) {
            delete _panels[CourtRules.placeOf(number, round, seat / _SEATS_A_WORD)];
        }
        emit RoundSettled(CaseId.wrap(number), round, coherent, reward, burnt);
        if (burnt != 0) MARKET_TOKEN.burn(burnt);
    }
}

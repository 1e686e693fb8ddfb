// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {OracleCourt} from "../../contracts/disputes/OracleCourt.sol";
import {MAX_APPEALS, ROLE_VOTER, SEAT_STAKE, STAKE_UNIT} from "../../contracts/protocol/Constants.sol";
import {CaseKind, CasePeriod} from "../../contracts/protocol/Enums.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, Messages, Vote} from "../../contracts/protocol/Messages.sol";
import {MarketToken} from "../../contracts/token/MarketToken.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {Case, CaseId, CaseTerms, CourtSettings, ICourtClient} from "../../interfaces/IOracleCourt.sol";
import {IParticipantRegistry, ParticipantId} from "../../interfaces/IParticipantRegistry.sol";
import {IVoterPool, Voter} from "../../interfaces/IVoterPool.sol";
import {vm} from "./Vm.sol";

/// @title OpenRegistry
/// @notice A registry in which everybody is a voter: proofs of possession are not what is tried here.
contract OpenRegistry {
    function idOf(address) external pure returns (ParticipantId) {
        return ParticipantId.wrap(1);
    }

    function rolesOf(ParticipantId) external pure returns (uint256) {
        return ROLE_VOTER;
    }
}

/// @title CourtHandler
/// @notice A court with voters and payers that do anything in any order, blocks and time that pass, and a client, itself,
/// that reverts or burns its gas whenever it likes.
/// @dev What is drawn comes from one seed for each action.
contract CourtHandler is ICourtClient {
    uint256 private constant _ACTORS = 6;
    uint256 private constant _MAX_CASES = 8;
    uint256 private constant _DELAY = 2;

    MarketToken public immutable TOKEN;
    OracleCourt public immutable COURT;
    IVoterPool public immutable POOL;

    address[] private _actors;
    uint256 private _seed;
    uint256 private _time = 1_000_000;
    uint256 private _height = 100;
    mapping(uint256 case_ => CasePeriod) private _periods;
    mapping(uint256 case_ => uint256 round) private _rounds;
    mapping(bytes32 seat => uint256 choice) private _choices;

    /// @notice The first thing that should not have happened; empty if nothing did.
    string public violation;
    /// @notice How often each action did what it tried.
    mapping(string action => uint256) public done;

    modifier drawing(uint256 seed) {
        _seed = seed;
        vm.warp(_time);
        vm.roll(_height);
        _;
        _look();
    }

    constructor() {
        vm.warp(_time);
        vm.roll(_height);
        IMarketToken.Allotment memory part = IMarketToken.Allotment(address(this), 250_000_000e18);
        TOKEN = new MarketToken(address(this), IMarketToken.Allotments(part, part, part, part));
        IParticipantRegistry registry = IParticipantRegistry(address(new OpenRegistry()));
        COURT = new OracleCourt(TOKEN, registry, CourtSettings(1 days, uint32(_DELAY), 1 hours, 2 days));
        POOL = COURT.VOTERS();
        TOKEN.approve(address(COURT), type(uint256).max);
        for (uint256 i; i < _ACTORS; ++i) {
            address actor = vm.addr(0xA11CE + i);
            _actors.push(actor);
            TOKEN.transfer(actor, 1_000_000e18);
            vm.prank(actor);
            TOKEN.approve(address(POOL), type(uint256).max);
            vm.prank(actor);
            TOKEN.approve(address(COURT), type(uint256).max);
        }
    }

    function onRuling(CaseId id) external view {
        uint256 mood = uint256(keccak256(abi.encode(_seed, "mood"))) % 3;
        require(mood != 1, "refused");
        if (mood == 2) while (true) {}
        require(COURT.rulingOf(id).isFinal, "not final");
    }

    // ------------------------------------------------------------------ actions

    function stake(uint256 seed) external drawing(seed) {
        vm.prank(_anyActor());
        try POOL.stake((1 + _draw(200)) * STAKE_UNIT) {
            ++done["stake"];
        } catch {}
    }

    function unstake(uint256 seed) external drawing(seed) {
        address actor = _anyActor();
        uint256 units = POOL.voterOf(actor).stake / STAKE_UNIT;
        vm.prank(actor);
        try POOL.unstake((1 + _draw(units + 1)) * STAKE_UNIT) {
            ++done["unstake"];
        } catch {}
    }

    function withdraw(uint256 seed) external drawing(seed) {
        address actor = _anyActor();
        uint256 owed = COURT.creditOf(actor);
        vm.prank(actor);
        try COURT.withdraw() returns (uint256 amount) {
            _expect(amount == owed && owed != 0, "another amount was paid than was owed");
            ++done["withdraw"];
        } catch {
            _expect(owed == 0, "what is owed can't be withdrawn");
        }
    }

    function open(uint256 seed) external drawing(seed) {
        if (COURT.caseCount() == _MAX_CASES) return;
        uint16 size = uint16(2 + _draw(2));
        COURT.open(
            CaseTerms({
                kind: CaseKind.Choice,
                seats: uint16(1 + 2 * _draw(4)),
                size: size,
                standard: uint16(1 + _draw(size)),
                tolerance: 0,
                side: uint16(_draw(size + 1)),
                evidencePeriod: _draw(2) == 0 ? 0 : 1 hours,
                commitPeriod: 6 hours,
                revealPeriod: 6 hours,
                appealPeriod: 6 hours,
                evidence: bytes32(seed)
            }),
            _anyActor()
        );
        ++done["open"];
    }

    function advance(uint256 seed) external drawing(seed) {
        uint256 id = _anyCase();
        if (id == 0) return;
        try COURT.advance(CaseId.wrap(id)) {
            ++done["advance"];
        } catch {}
    }

    function draw(uint256 seed) external drawing(seed) {
        (CaseId id, uint256 height) = COURT.nextDraw();
        if (CaseId.unwrap(id) == 0 || height >= _height) return;
        if (_height > height + 256) return;
        COURT.draw(id, _header(height));
        ++done["draw"];
    }

    function commit(uint256 seed) external drawing(seed) {
        (uint256 id, address voter, uint256 seat) = _anySeat(CasePeriod.Commit);
        if (id == 0) return;
        Case memory case_ = COURT.caseOf(CaseId.wrap(id));
        uint256 choice = 1 + _draw(_draw(3) == 0 ? case_.size : 1);
        bytes32 vote = _vote(id, case_.round, voter, choice);
        vm.prank(voter);
        try COURT.commit(CaseId.wrap(id), seat, vote, "") {
            _choices[keccak256(abi.encode(id, case_.round, voter))] = choice;
            ++done["commit"];
        } catch {}
    }

    function reveal(uint256 seed) external drawing(seed) {
        (uint256 id, address voter, uint256 seat) = _anySeat(CasePeriod.Reveal);
        if (id == 0) return;
        uint256 round = COURT.caseOf(CaseId.wrap(id)).round;
        uint256 choice = _choices[keccak256(abi.encode(id, round, voter))];
        if (choice == 0) return;
        vm.prank(voter);
        try COURT.reveal(CaseId.wrap(id), seat, choice, keccak256(abi.encode(voter))) {
            ++done["reveal"];
        } catch {}
    }

    function appeal(uint256 seed) external drawing(seed) {
        uint256 id = _anyCase();
        if (id == 0) return;
        uint256 side = 1 + _draw(3);
        vm.prank(_anyActor());
        try COURT.appeal(CaseId.wrap(id), side) {
            ++done["appeal"];
        } catch {}
    }

    function settle(uint256 seed) external drawing(seed) {
        uint256 id = _anyCase();
        if (id == 0) return;
        uint256 round = _draw(COURT.caseOf(CaseId.wrap(id)).round + 1);
        try COURT.settle(CaseId.wrap(id), round) {
            ++done["settle"];
        } catch {}
    }

    function payCosts(uint256 seed) external drawing(seed) {
        uint256 id = _anyCase();
        if (id == 0) return;
        uint256 costs = COURT.rulingOf(CaseId.wrap(id)).costs;
        if (costs == 0) return;
        COURT.payCosts(CaseId.wrap(id), 1 + _draw(costs));
        ++done["payCosts"];
    }

    /// @notice Let time and blocks pass: few, many, or so many that a draw is missed.
    function pass(uint256 seed) external drawing(seed) {
        _time += 1 + _draw(_draw(3) == 0 ? 8 hours : 10 minutes);
        _height += 1 + _draw(_draw(16) == 0 ? 300 : 5);
        ++done["pass"];
    }

    // ------------------------------------------------------------------ the end

    /// @notice With nobody's consent every case ends, every round is settled, and all that is owed is paid: to the last unit.
    function finish() external {
        vm.warp(_time);
        vm.roll(_height);
        uint256 cases = COURT.caseCount();
        for (uint256 turn; turn < 40; ++turn) {
            _time += 3 days;
            _height += 3 * _DELAY + 1;
            vm.warp(_time);
            vm.roll(_height);
            _drawAll();
            for (uint256 id = 1; id <= cases; ++id) {
                Case memory case_ = COURT.caseOf(CaseId.wrap(id));
                bool waiting = case_.period == CasePeriod.Draw || case_.period == CasePeriod.Ruled;
                if (!waiting && _time >= case_.endsAt) COURT.advance(CaseId.wrap(id));
            }
        }
        for (uint256 id = 1; id <= cases; ++id) {
            Case memory case_ = COURT.caseOf(CaseId.wrap(id));
            _expect(case_.period == CasePeriod.Ruled, "a case does not end");
            for (uint256 round; round <= case_.round; ++round) {
                if (!COURT.roundOf(CaseId.wrap(id), round).settled) COURT.settle(CaseId.wrap(id), round);
            }
        }
        _leave();
    }

    function _drawAll() private {
        (CaseId id, uint256 height) = COURT.nextDraw();
        while (CaseId.unwrap(id) != 0 && height < _height) {
            if (_height > height + 256) COURT.advance(id);
            else COURT.draw(id, _header(height));
            (id, height) = COURT.nextDraw();
        }
    }

    function _leave() private {
        for (uint256 i; i < _ACTORS; ++i) {
            Voter memory voter = POOL.voterOf(_actors[i]);
            _expect(voter.locked == 0, "a seat stays locked");
            if (voter.stake == 0) continue;
            vm.prank(_actors[i]);
            POOL.unstake(voter.stake);
        }
        _time += 2 days;
        vm.warp(_time);
        for (uint256 i; i < _ACTORS; ++i) {
            if (COURT.creditOf(_actors[i]) == 0) continue;
            vm.prank(_actors[i]);
            COURT.withdraw();
        }
        _expect(TOKEN.balanceOf(address(COURT)) == 0, "something is left, or missing");
    }

    // ------------------------------------------------------------------ looking

    /// @dev OC-I1 to OC-I3, after every action.
    function _look() private {
        uint256 stakes;
        for (uint256 i; i < _ACTORS; ++i) {
            Voter memory voter = POOL.voterOf(_actors[i]);
            _expect(voter.stake + voter.unstaking >= voter.locked, "less is staked than locked");
            stakes += voter.stake + voter.unstaking;
        }
        _expect(TOKEN.balanceOf(address(COURT)) >= stakes, "stakes are not covered");
        uint256 cases = COURT.caseCount();
        for (uint256 id = 1; id <= cases; ++id) {
            Case memory case_ = COURT.caseOf(CaseId.wrap(id));
            bool on = case_.round > _rounds[id] || case_.period >= _periods[id];
            _expect(on && case_.round >= _rounds[id], "a period went back");
            _expect(case_.appeals <= MAX_APPEALS && case_.round < 8, "there are too many rounds");
            _expect(case_.committed <= case_.voters && case_.revealed <= case_.committed, "too many voted");
            (_rounds[id], _periods[id]) = (case_.round, case_.period);
        }
    }

    function _anyCase() private returns (uint256) {
        uint256 cases = COURT.caseCount();
        return cases == 0 ? 0 : 1 + _draw(cases);
    }

    /// @dev Somebody's first seat of a case in this period; zero if the drawn case is in another.
    function _anySeat(CasePeriod period) private returns (uint256 id, address voter, uint256 seat) {
        uint256 cases = COURT.caseCount();
        uint256 start = _anyCase();
        for (uint256 i; i < cases; ++i) {
            id = 1 + (start + i) % cases;
            if (COURT.periodOf(CaseId.wrap(id)) != period) continue;
            address[] memory panel = COURT.panelOf(CaseId.wrap(id));
            voter = panel[_draw(panel.length)];
            if (voter == address(0)) voter = panel[0];
            while (panel[seat] != voter) ++seat;
            return (id, voter, seat);
        }
        return (0, address(0), 0);
    }

    /// @dev A header with nothing in it but the mix, for a block that is given its hash.
    function _header(uint256 height) private returns (bytes memory header) {
        bytes32 mix = keccak256(abi.encode(_seed, height));
        bytes memory nothing = hex"80808080808080808080808080";
        header = abi.encodePacked(hex"f84f", nothing, hex"a0", mix, hex"a0", bytes32(height));
        vm.setBlockhash(height, keccak256(header));
    }

    function _vote(uint256 id, uint256 round, address voter, uint256 choice) private view returns (bytes32) {
        bytes32 salt = keccak256(abi.encode(voter));
        bytes32 hash = Messages.hash(Vote(id, uint32(round), voter, bytes32(choice), salt));
        bytes32 type_ = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        (bytes32 name, bytes32 version) = (keccak256(bytes(DOMAIN_NAME)), keccak256(bytes(DOMAIN_VERSION)));
        bytes32 domain = keccak256(abi.encode(type_, name, version, block.chainid, address(COURT)));
        return MessageHashUtils.toTypedDataHash(domain, hash);
    }

    function _anyActor() private returns (address) {
        return _actors[_draw(_ACTORS)];
    }

    /// @dev A number below `bound`, which is not zero.
    function _draw(uint256 bound) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % bound;
    }

    function _expect(bool right, string memory what) private {
        if (!right && bytes(violation).length == 0) violation = what;
    }
}

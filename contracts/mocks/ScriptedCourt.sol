// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CaseId, CaseTerms, ICourtClient, Ruling} from "../../interfaces/IOracleCourt.sol";
import {SEAT_FEE} from "../protocol/Constants.sol";
import {CasePeriod} from "../protocol/Enums.sol";

/// @title ScriptedCourt
/// @notice What a client sees of an OracleCourt: it charges as that does, draws whom it is told to and rules what it is
/// told to, so that a client can be tried against every ruling that there can be.
contract ScriptedCourt {
    struct Script {
        CaseTerms terms;
        address client;
        address payer;
        address[] panel;
        Ruling ruling;
    }

    error ClientFailed(bytes reason);
    error CostsExceeded(CaseId id, uint256 owed, uint256 amount);

    uint256 public constant MIN_PERIOD = 1 minutes;
    uint256 public constant MAX_PERIOD = 30 days;

    IERC20 private immutable _TOKEN;

    uint256 public caseCount;
    mapping(CaseId id => Script) private _scripts;

    constructor(IERC20 token) {
        _TOKEN = token;
    }

    function open(CaseTerms calldata terms, address payer) external returns (CaseId id) {
        id = CaseId.wrap(++caseCount);
        Script storage script = _scripts[id];
        (script.terms, script.client, script.payer) = (terms, msg.sender, payer);
        script.ruling.choice = terms.standard;
        require(_TOKEN.transferFrom(msg.sender, address(this), feeOf(terms.seats)));
    }

    function draw(CaseId id, address[] calldata panel) external {
        _scripts[id].panel = panel;
    }

    /// @notice Rule; the choice zero leaves the default.
    function rule(CaseId id, uint16 choice, bytes32 scores, uint256 costs) external {
        Ruling storage ruling = _scripts[id].ruling;
        ruling.isFinal = true;
        if (choice != 0) ruling.choice = choice;
        (ruling.scores, ruling.costs) = (scores, costs);
    }

    /// @notice Tell the client, with so much gas; a failure is the client's.
    function tell(CaseId id, uint256 gas_) external {
        try ICourtClient(_scripts[id].client).onRuling{gas: gas_}(id) {}
        catch (bytes memory reason) {
            revert ClientFailed(reason);
        }
    }

    function payCosts(CaseId id, uint256 amount) external {
        Script storage script = _scripts[id];
        uint256 owed = script.ruling.costs;
        require(amount <= owed, CostsExceeded(id, owed, amount));
        script.ruling.costs = owed - amount;
        require(_TOKEN.transferFrom(msg.sender, script.payer, amount));
    }

    function scriptOf(CaseId id) external view returns (Script memory) {
        return _scripts[id];
    }

    function rulingOf(CaseId id) external view returns (Ruling memory) {
        return _scripts[id].ruling;
    }

    function periodOf(CaseId id) external view returns (CasePeriod) {
        Script storage script = _scripts[id];
        if (script.ruling.isFinal) return CasePeriod.Ruled;
        if (script.client == address(0)) return CasePeriod.Absent;
        return script.panel.length == 0 ? CasePeriod.Draw : CasePeriod.Commit;
    }

    function panelOf(CaseId id) external view returns (address[] memory) {
        return _scripts[id].panel;
    }

    function feeOf(uint256 seats) public pure returns (uint256) {
        return seats * SEAT_FEE;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CaseId, CaseTerms, Ruling} from "../../interfaces/IOracleCourt.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";

/// @title CourtHarness
/// @notice An honest court to its clients, whose rulings are those that a test gives it.
contract CourtHarness {
    uint256 private constant _FEE = 1 ether;

    IMarketToken private immutable _TOKEN;

    uint256 public caseCount;
    mapping(uint256 id => CaseTerms) private _terms;
    mapping(uint256 id => address) public payerOf;
    mapping(uint256 id => Ruling) private _rulings;

    error NotFinal(uint256 id);
    error TooMuch(uint256 amount, uint256 costs);

    constructor(IMarketToken token) {
        _TOKEN = token;
    }

    function open(CaseTerms calldata terms, address payer) external returns (CaseId id) {
        id = CaseId.wrap(++caseCount);
        _terms[caseCount] = terms;
        payerOf[caseCount] = payer;
        _rulings[caseCount].choice = terms.standard;
        _TOKEN.transferFrom(msg.sender, address(this), feeOf(terms.seats));
    }

    function rule(uint256 id, uint16 choice, uint256 costs) external {
        _rulings[id] = Ruling(true, choice, 0, costs);
    }

    function payCosts(CaseId id, uint256 amount) external {
        Ruling storage ruling = _rulings[CaseId.unwrap(id)];
        require(ruling.isFinal, NotFinal(CaseId.unwrap(id)));
        require(amount != 0 && amount <= ruling.costs, TooMuch(amount, ruling.costs));
        ruling.costs -= amount;
        _TOKEN.transferFrom(msg.sender, payerOf[CaseId.unwrap(id)], amount);
    }

    function rulingOf(CaseId id) external view returns (Ruling memory) {
        return _rulings[CaseId.unwrap(id)];
    }

    function termsOf(uint256 id) external view returns (CaseTerms memory) {
        return _terms[id];
    }

    function feeOf(uint256 seats) public pure returns (uint256) {
        return seats * _FEE;
    }
}

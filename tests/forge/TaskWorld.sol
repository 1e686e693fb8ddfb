// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ScriptedCourt} from "../../contracts/mocks/ScriptedCourt.sol";
import {DOMAIN_NAME, DOMAIN_VERSION} from "../../contracts/protocol/Messages.sol";
import {ReputationLedger} from "../../contracts/reputation/ReputationLedger.sol";
import {MarketToken} from "../../contracts/token/MarketToken.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {PanelTerms} from "../../interfaces/IModelTasks.sol";
import {vm} from "./Vm.sol";

/// @title TaskWorld
/// @notice Actors with MarketToken, a ledger, a court that rules anything, and time.
/// @dev What is drawn comes from one seed for each action.
abstract contract TaskWorld {
    uint256 internal constant _ACTORS = 6;
    uint256 internal constant _MAX_TASKS = 12;
    uint256 internal constant _MIN_PERIOD = 1 hours;
    uint256 internal constant _MAX_PERIOD = 30 days;

    MarketToken public immutable TOKEN;
    ReputationLedger public immutable LEDGER;
    ScriptedCourt public immutable COURT;

    address[] internal _actors;
    uint256 internal _seed;
    uint256 internal _time;

    /// @notice The first thing that should not have happened; empty if nothing did.
    string public violation;
    /// @notice How often each action did what it tried.
    mapping(string action => uint256) public done;

    modifier drawing(uint256 seed) {
        _seed = seed;
        vm.warp(_time);
        _;
    }

    constructor() {
        IMarketToken.Allotment memory part = IMarketToken.Allotment(address(this), 250_000_000e18);
        TOKEN = new MarketToken(address(this), IMarketToken.Allotments(part, part, part, part));
        LEDGER = new ReputationLedger(address(this));
        COURT = new ScriptedCourt(TOKEN);
        for (uint256 i; i < _ACTORS; ++i) {
            _actors.push(vm.addr(0xA11CE + i));
        }
        _time = 1_000_000;
    }

    /// @notice Let some time pass: seconds or days.
    function passTime(uint256 seed) external drawing(seed) {
        _time += 1 + _draw(_draw(4) == 0 ? 12 hours : 1 hours);
        done["passTime"]++;
    }

    function _let(address tasks) internal {
        LEDGER.authoriseRecorder(tasks);
        for (uint256 i; i < _ACTORS; ++i) {
            TOKEN.transfer(_actors[i], 100_000_000e18);
            vm.prank(_actors[i]);
            TOKEN.approve(tasks, type(uint256).max);
        }
    }

    function _domainOf(address tasks) internal view returns (bytes32) {
        bytes32 type_ = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        (bytes32 name, bytes32 version) = (keccak256(bytes(DOMAIN_NAME)), keccak256(bytes(DOMAIN_VERSION)));
        return keccak256(abi.encode(type_, name, version, block.chainid, tasks));
    }

    function _digest(address tasks, bytes32 message) internal view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(_domainOf(tasks), message);
    }

    function _panel() internal pure returns (PanelTerms memory) {
        return PanelTerms(3, 1 hours, 1 hours, 1 hours);
    }

    function _anyActor() internal returns (address) {
        return _actors[_draw(_ACTORS)];
    }

    /// @dev A number below `bound`, which is not zero.
    function _draw(uint256 bound) internal returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % bound;
    }

    function _expect(bool right, string memory what) internal {
        if (!right && bytes(violation).length == 0) violation = what;
    }
}

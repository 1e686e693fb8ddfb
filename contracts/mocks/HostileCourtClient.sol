// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CaseId, CaseTerms, ICourtClient, IOracleCourt, Ruling} from "../../interfaces/IOracleCourt.sol";

/// @title HostileCourtClient
/// @notice Opens cases for whoever asks, and takes their rulings in the way that it was told to.
contract HostileCourtClient is ICourtClient {
    /// @dev How a call is taken: noted, refused, with an answer that fills all the gas, with a loop, by settling within.
    enum Mood {
        Noting,
        Refusing,
        Bombing,
        Burning,
        Reentering
    }

    IOracleCourt public immutable COURT;

    Mood public mood;
    uint256 public calls;
    uint256 public gasGiven;
    /// @notice Whether the last call found its ruling final, and whether what it tried within went through.
    bool public sawFinal;
    bool public reentered;

    error Refused(CaseId id);

    constructor(IOracleCourt court) {
        COURT = court;
        IERC20(address(court.MARKET_TOKEN())).approve(address(court), type(uint256).max);
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function open(CaseTerms calldata terms, address payer) external returns (CaseId id) {
        return COURT.open(terms, payer);
    }

    /// @notice Only a case's client may end its evidence early.
    function advance(CaseId id) external {
        COURT.advance(id);
    }

    function onRuling(CaseId id) external {
        if (mood == Mood.Refusing) revert Refused(id);
        if (mood == Mood.Burning) while (true) {}
        if (mood == Mood.Bombing) {
            assembly {
                revert(0, 400000)
            }
        }
        ++calls;
        gasGiven = gasleft();
        Ruling memory ruling = COURT.rulingOf(id);
        sawFinal = ruling.isFinal;
        if (mood == Mood.Reentering) {
            try COURT.settle(id, 0) {
                reentered = true;
            } catch {}
        }
    }
}

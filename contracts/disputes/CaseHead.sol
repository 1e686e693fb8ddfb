// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CaseKind, CasePeriod} from "../protocol/Enums.sol";

/// @notice What every action on a case reads and writes.
/// @param settled One bit for each round whose seats were paid, the first round's the last.
/// @param endsAt Second from which Evidence, Commit, Reveal or Appeal is over.
/// @param height Block that draws the panel.
/// @param next The case whose draw is after this one's, while both wait.
struct Head {
    CasePeriod period;
    CaseKind kind;
    uint256 round;
    uint256 appeals;
    bool redrawn;
    uint256 seats;
    uint256 voters;
    uint256 committed;
    uint256 size;
    uint256 standing;
    uint256 settled;
    uint256 commitPeriod;
    uint256 revealPeriod;
    uint256 appealPeriod;
    uint256 endsAt;
    uint256 height;
    uint256 next;
}

/// @notice What stands behind a round.
/// @param side Option that the payer is on; zero if on none.
/// @param paid Whether there is a fee, which a redraw takes along.
/// @param secured Whether there is a security as large as the fee.
/// @param returned Whether the fee went back, since no seat earned it.
struct Payment {
    address payer;
    uint256 side;
    uint256 seats;
    bool paid;
    bool secured;
    bool returned;
}

/// @title CaseHead
/// @notice A case's head, and each round's payment, in one word: a vote writes one slot beside its own.
library CaseHead {
    uint256 private constant _BYTE = type(uint8).max;
    uint256 private constant _BITS_24 = type(uint24).max;
    uint256 private constant _BITS_40 = type(uint40).max;

    /// @dev Every field fits: bytes by the bounds of seats, options and rounds (at most eight), times and heights by those
    /// of periods.
    function pack(Head memory head) internal pure returns (uint256 word) {
        word = uint256(head.period) | uint256(head.kind) << 3 | _bit(head.redrawn) << 5 | head.appeals << 6;
        word |= head.round << 8 | head.seats << 16 | head.voters << 24 | head.committed << 32;
        word |= head.size << 48 | head.standing << 56 | head.settled << 64;
        word |= head.commitPeriod << 72 | head.revealPeriod << 96 | head.appealPeriod << 120;
        word |= head.endsAt << 144 | head.height << 184 | head.next << 224;
    }

    function unpack(uint256 word) internal pure returns (Head memory head) {
        head.period = CasePeriod(word & 7);
        head.kind = CaseKind((word >> 3) & 3);
        head.redrawn = (word >> 5) & 1 != 0;
        head.appeals = (word >> 6) & 3;
        head.round = (word >> 8) & _BYTE;
        head.seats = (word >> 16) & _BYTE;
        head.voters = (word >> 24) & _BYTE;
        head.committed = (word >> 32) & _BYTE;
        head.size = (word >> 48) & _BYTE;
        head.standing = (word >> 56) & _BYTE;
        head.settled = (word >> 64) & _BYTE;
        head.commitPeriod = (word >> 72) & _BITS_24;
        head.revealPeriod = (word >> 96) & _BITS_24;
        head.appealPeriod = (word >> 120) & _BITS_24;
        head.endsAt = (word >> 144) & _BITS_40;
        head.height = (word >> 184) & _BITS_40;
        head.next = word >> 224;
    }

    function pack(Payment memory payment) internal pure returns (uint256 word) {
        word = uint256(uint160(payment.payer)) | payment.side << 160 | payment.seats << 168;
        word |= _bit(payment.paid) << 176 | _bit(payment.secured) << 177 | _bit(payment.returned) << 178;
    }

    function unpackPayment(uint256 word) internal pure returns (Payment memory payment) {
        payment.payer = address(uint160(word));
        payment.side = (word >> 160) & _BYTE;
        payment.seats = (word >> 168) & _BYTE;
        payment.paid = (word >> 176) & 1 != 0;
        payment.secured = (word >> 177) & 1 != 0;
        payment.returned = (word >> 178) & 1 != 0;
    }

    function _bit(bool flag) private pure returns (uint256) {
        return flag ? 1 : 0;
    }
}

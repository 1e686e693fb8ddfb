// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ChaCha20
/// @notice The stream cipher of RFC 8439, by which a contract decrypts a chunk that it is shown.
/// @dev The state is four rows of four 32-bit numbers. A row is one word: its numbers stand in lanes of 64 bits, the
/// first in the top one, so that one addition, exclusive or or rotation works on all four, and what leaves a number
/// lands in the upper half of a lane, which is masked away.
///
/// Assembly in one place, the exclusive or with 32 bytes of memory: 4,096 bytes cost 492,900 gas with it
/// (benchmarks/market_gas.json) and 1,350,200 byte by byte, which is how Solidity writes into memory.
library ChaCha20 {
    /// @dev The lower half of each lane; of each pair of lanes; of all four.
    uint256 private constant _LANES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant _PAIRS = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    uint256 private constant _HALF = type(uint128).max;

    /// @dev Times this, a number stands twice in its lane; moved right by 32 - n, that is the number rotated left by n.
    uint256 private constant _TWICE = (1 << 32) | 1;

    /// @dev Every second byte; every second pair of bytes.
    uint256 private constant _BYTES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
    uint256 private constant _BYTE_PAIRS = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;

    /// @dev "expand 32-byte k" as the first row.
    uint256 private constant _CONSTANTS = 0x0000000061707865000000003320646e0000000079622d32000000006b206574;

    uint256 private constant _BLOCK = 64;
    uint256 private constant _FIRST_LANE = 192;

    /// @notice There is no block with this number: counters have 32 bits.
    error CounterTooLarge(uint256 counter);

    /// @notice Encrypt or decrypt, in place, all of `text` from byte `from` on, which is where block `counter` begins.
    function applyTo(bytes memory text, uint256 from, bytes32 key, bytes12 nonce, uint256 counter) internal pure {
        uint256 end = text.length;
        if (from >= end) return;
        uint256 last = counter + (end - from - 1) / _BLOCK;
        require(last <= type(uint32).max, CounterTooLarge(last));
        uint256 words = _swap(uint256(key));
        (uint256 second, uint256 third) = (_spread(words >> 128), _spread(words & _HALF));
        uint256 fourth = _spread(_swap(uint96(nonce))) | (counter << _FIRST_LANE);
        unchecked {
            for (uint256 at = from; at < end; at += _BLOCK) {
                (uint256 left, uint256 right) = _keystream(second, third, fourth);
                _xor(text, at, end, left);
                if (at + 32 < end) _xor(text, at + 32, end, right);
                fourth += 1 << _FIRST_LANE;
            }
        }
    }

    /// @dev The 64 bytes of one block, from the rows of key, counter and nonce.
    function _keystream(uint256 second, uint256 third, uint256 fourth)
        private
        pure
        returns (uint256 left, uint256 right)
    {
        (uint256 a, uint256 b, uint256 c, uint256 d) = (_CONSTANTS, second, third, fourth);
        unchecked {
            // Rounds over columns and over diagonals by turns: rotating rows by 1, 2 and 3 lanes makes one of the other.
            uint256 turn = 64;
            (uint256 lanes, uint256 twice) = (_LANES, _TWICE);
            for (uint256 i; i < 20; ++i) {
                a = (a + b) & lanes;
                d = (((d ^ a) * twice) >> 16) & lanes;
                c = (c + d) & lanes;
                b = (((b ^ c) * twice) >> 20) & lanes;
                a = (a + b) & lanes;
                d = (((d ^ a) * twice) >> 24) & lanes;
                c = (c + d) & lanes;
                b = (((b ^ c) * twice) >> 25) & lanes;
                c = (c << 128) | (c >> 128);
                d = (d >> turn) | (d << (256 - turn));
                turn = 256 - turn;
                b = (b >> turn) | (b << (256 - turn));
            }
            a = (a + _CONSTANTS) & lanes;
            b = (b + second) & lanes;
            c = (c + third) & lanes;
            d = (d + fourth) & lanes;
        }
        left = _swap((_gather(a) << 128) | _gather(b));
        right = _swap((_gather(c) << 128) | _gather(d));
    }

    /// @dev Four numbers side by side, in 128 bits, to four lanes.
    function _spread(uint256 numbers) private pure returns (uint256 lanes) {
        lanes = (numbers | (numbers << 64)) & _PAIRS;
        lanes = (lanes | (lanes << 32)) & _LANES;
    }

    /// @dev Four lanes to four numbers side by side, in 128 bits.
    function _gather(uint256 lanes) private pure returns (uint256 numbers) {
        numbers = (lanes | (lanes >> 32)) & _PAIRS;
        numbers = (numbers | (numbers >> 64)) & _HALF;
    }

    /// @dev Reverses the bytes of each 32-bit number: the cipher's numbers are little-endian.
    function _swap(uint256 numbers) private pure returns (uint256 swapped) {
        swapped = ((numbers >> 8) & _BYTES) | ((numbers & _BYTES) << 8);
        swapped = ((swapped >> 16) & _BYTE_PAIRS) | ((swapped & _BYTE_PAIRS) << 16);
    }

    /// @dev text[at:at + 32] ^= word, as far as `end`; bytes behind it stay as they are.
    function _xor(bytes memory text, uint256 at, uint256 end, uint256 word) private pure {
        unchecked {
            uint256 left = end - at;
            if (left < 32) word &= ~(type(uint256).max >> (8 * left));
        }
        assembly ("memory-safe") {
            let place := add(add(text, 32), at)
            mstore(place, xor(mload(place), word))
        }
    }
}

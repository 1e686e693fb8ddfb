// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Point of G1 as the precompiles take it: each coordinate is 64 bytes, big-endian, in two words.
struct G1Point {
    uint256 xHigh;
    uint256 xLow;
    uint256 yHigh;
    uint256 yLow;
}

/// @notice Element a + b·u of Fp2, each half in two words.
struct Fp2 {
    uint256 aHigh;
    uint256 aLow;
    uint256 bHigh;
    uint256 bLow;
}

/// @notice Point of G2 as the precompiles take it.
struct G2Point {
    Fp2 x;
    Fp2 y;
}

/// @notice Point of G1 in 48 bytes: x, with three flags in its top bits (compressed, infinity, larger y).
struct CompressedG1 {
    bytes32 head;
    bytes16 tail;
}

/// @title BLS12381
/// @notice Signatures over BLS12-381, public keys in G1 and signatures in G2, by the precompiles of EIP-2537.
/// @dev Points travel in the precompiles' encoding, in which infinity is all zero; `compress` gives the 48 bytes by
/// which keys are kept and named. Identical to `handfast/crypto/bls.py`.
///
/// What the precompiles check: all of them refuse coordinates outside the field and points off the curve; `multiply` and
/// the pairing refuse points outside the subgroup as well, `add` does not. A refused call costs all the gas that it was
/// handed, 63 of 64 parts of what is left: only its sender pays for nonsense.
///
/// No assembly: one verification costs 169,154 gas (benchmarks/registry_gas.json), of which the precompiles take 152,000;
/// hand-written memory would save about 8,000 of it.
library BLS12381 {
    /// @notice Order of both groups, r.
    uint256 internal constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    address private constant _MODEXP = address(0x05);
    address private constant _G1_ADD = address(0x0b);
    address private constant _G1_MULTIPLY = address(0x0c);
    address private constant _G2_ADD = address(0x0d);
    address private constant _G2_MULTIPLY = address(0x0e);
    address private constant _PAIRING = address(0x0f);
    address private constant _MAP_TO_G2 = address(0x11);

    /// @dev The field's modulus p, and (p - 1) / 2, above which a y is the larger of a point's two.
    uint256 private constant _P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant _P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
    uint256 private constant _HALF_P_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant _HALF_P_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    uint256 private constant _COMPRESSED = 1 << 255;
    uint256 private constant _INFINITY = 1 << 254;
    uint256 private constant _LARGER_Y = 1 << 253;

    /// @notice A coordinate is outside the field, or a point is off its curve or outside its subgroup.
    error InvalidPoint();
    /// @notice A domain tag has 1 to 255 bytes.
    error InvalidDomainTag(uint256 length);

    /// @notice Whether `signature` is that of `key` over `message` under `tag`.
    /// @dev False, too, for a key or a signature outside its subgroup, and for the key at infinity, for which the
    /// signature at infinity would sign everything.
    function verify(G1Point memory key, G2Point memory signature, bytes memory message, bytes memory tag)
        internal
        view
        returns (bool)
    {
        if (isInfinity(key)) return false;
        (bool accepted, bytes memory result) =
            _PAIRING.staticcall(bytes.concat(abi.encode(_negativeGenerator(), signature, key), _hashToG2(message, tag)));
        return accepted && abi.decode(result, (bool));
    }

    /// @notice Hash a message to a point of G2. [RFC 9380, suite BLS12381G2_XMD:SHA-256_SSWU_RO_]
    function hashToG2(bytes memory message, bytes memory tag) internal view returns (G2Point memory) {
        return abi.decode(_hashToG2(message, tag), (G2Point));
    }

    function add(G1Point memory left, G1Point memory right) internal view returns (G1Point memory) {
        return abi.decode(_call(_G1_ADD, abi.encode(left, right)), (G1Point));
    }

    function add(G2Point memory left, G2Point memory right) internal view returns (G2Point memory) {
        return abi.decode(_call(_G2_ADD, abi.encode(left, right)), (G2Point));
    }

    /// @notice Multiply, and so prove that `point` is in the subgroup: reverts with `InvalidPoint` if it is not.
    function multiply(G1Point memory point, uint256 scalar) internal view returns (G1Point memory) {
        return abi.decode(_call(_G1_MULTIPLY, abi.encode(point, scalar)), (G1Point));
    }

    /// @notice Multiply, and so prove that `point` is in the subgroup: reverts with `InvalidPoint` if it is not.
    function multiply(G2Point memory point, uint256 scalar) internal view returns (G2Point memory) {
        return abi.decode(_call(_G2_MULTIPLY, abi.encode(point, scalar)), (G2Point));
    }

    /// @notice Reverts with `InvalidPoint` unless `point` is in the subgroup.
    function requireInSubgroup(G1Point memory point) internal view {
        _call(_G1_MULTIPLY, abi.encode(point, uint256(1)));
    }

    /// @notice p·scalar + q·factor, both proven to be in the subgroup: reverts with `InvalidPoint` if one is not.
    function combine(G1Point memory p, uint256 scalar, G1Point memory q, uint256 factor)
        internal
        view
        returns (G1Point memory)
    {
        return abi.decode(_call(_G1_MULTIPLY, abi.encode(p, scalar, q, factor)), (G1Point));
    }

    function generator() internal pure returns (G1Point memory) {
        return G1Point({
            xHigh: 0x17f1d3a73197d7942695638c4fa9ac0f,
            xLow: 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            yHigh: 0x08b3f481e3aaa0f1a09e30ed741d8ae4,
            yLow: 0xfcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1
        });
    }

    function isInfinity(G1Point memory point) internal pure returns (bool) {
        return point.xHigh | point.xLow | point.yHigh | point.yLow == 0;
    }

    /// @notice The 48 bytes that name a point of the curve; the point itself is not checked.
    function compress(G1Point memory point) internal pure returns (CompressedG1 memory) {
        uint256 flags = _COMPRESSED;
        if (isInfinity(point)) flags |= _INFINITY;
        else if (_isLarger(point.yHigh, point.yLow)) flags |= _LARGER_Y;
        return CompressedG1({
            head: bytes32(flags | point.xHigh << 128 | point.xLow >> 128), tail: bytes16(uint128(point.xLow))
        });
    }

    /// @dev Whether y > (p - 1) / 2.
    function _isLarger(uint256 high, uint256 low) private pure returns (bool) {
        return high == _HALF_P_HIGH ? low > _HALF_P_LOW : high > _HALF_P_HIGH;
    }

    /// @dev expand_message_xmd of RFC 9380 with SHA-256, for 256 bytes.
    function _expand(bytes memory message, bytes memory tag) private pure returns (bytes32[8] memory uniform) {
        require(tag.length > 0 && tag.length < 256, InvalidDomainTag(tag.length));
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 seed = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), suffix));
        bytes32 block_ = sha256(abi.encodePacked(seed, uint8(1), suffix));
        uniform[0] = block_;
        for (uint256 i = 1; i < 8; ++i) {
            block_ = sha256(abi.encodePacked(seed ^ block_, uint8(i + 1), suffix));
            uniform[i] = block_;
        }
    }

    /// @dev `hashToG2` in the precompiles' encoding.
    function _hashToG2(bytes memory message, bytes memory tag) private view returns (bytes memory) {
        bytes32[8] memory uniform = _expand(message, tag);
        return _call(
            _G2_ADD,
            bytes.concat(
                _mapToG2(uniform[0], uniform[1], uniform[2], uniform[3]),
                _mapToG2(uniform[4], uniform[5], uniform[6], uniform[7])
            )
        );
    }

    /// @dev Map a + b·u, each half given as 512 uniform bits, to the subgroup.
    function _mapToG2(bytes32 aHigh, bytes32 aLow, bytes32 bHigh, bytes32 bLow) private view returns (bytes memory) {
        return _call(_MAP_TO_G2, bytes.concat(_reduce(aHigh, aLow), _reduce(bHigh, bLow)));
    }

    /// @dev 512 bits modulo p, as 64 bytes: modexp with exponent one.
    function _reduce(bytes32 high, bytes32 low) private view returns (bytes memory) {
        return
            _call(_MODEXP, abi.encodePacked(uint256(64), uint256(1), uint256(64), high, low, uint8(1), _P_HIGH, _P_LOW));
    }

    function _call(address precompile, bytes memory input) private view returns (bytes memory) {
        (bool accepted, bytes memory output) = precompile.staticcall(input);
        require(accepted, InvalidPoint());
        return output;
    }

    function _negativeGenerator() private pure returns (G1Point memory) {
        return G1Point({
            xHigh: 0x17f1d3a73197d7942695638c4fa9ac0f,
            xLow: 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            yHigh: 0x114d1d6855d545a8aa7d76c8cf2e21f2,
            yLow: 0x67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca
        });
    }
}

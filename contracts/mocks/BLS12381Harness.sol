// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BLS12381, CompressedG1, G1Point, G2Point} from "../crypto/BLS12381.sol";

/// @title BLS12381Harness
/// @notice Lets tests and benchmarks call the library.
contract BLS12381Harness {
    function verify(G1Point calldata key, G2Point calldata signature, bytes calldata message, bytes calldata tag)
        external
        view
        returns (bool)
    {
        return BLS12381.verify(key, signature, message, tag);
    }

    function hashToG2(bytes calldata message, bytes calldata tag) external view returns (G2Point memory) {
        return BLS12381.hashToG2(message, tag);
    }

    function addG1(G1Point calldata left, G1Point calldata right) external view returns (G1Point memory) {
        return BLS12381.add(left, right);
    }

    function addG2(G2Point calldata left, G2Point calldata right) external view returns (G2Point memory) {
        return BLS12381.add(left, right);
    }

    function multiplyG1(G1Point calldata point, uint256 scalar) external view returns (G1Point memory) {
        return BLS12381.multiply(point, scalar);
    }

    function multiplyG2(G2Point calldata point, uint256 scalar) external view returns (G2Point memory) {
        return BLS12381.multiply(point, scalar);
    }

    function compress(G1Point calldata point) external pure returns (CompressedG1 memory) {
        return BLS12381.compress(point);
    }

    /// @notice Gas of one call of `BLS12381.verify`, without the transaction that carries it.
    function gasOfVerify(G1Point calldata key, G2Point calldata signature, bytes calldata message, bytes calldata tag)
        external
        view
        returns (uint256 used)
    {
        (G1Point memory key_, G2Point memory signature_) = (key, signature);
        (bytes memory message_, bytes memory tag_) = (message, tag);
        uint256 before = gasleft();
        require(BLS12381.verify(key_, signature_, message_, tag_));
        return before - gasleft();
    }

    /// @notice Gas of one call of `BLS12381.hashToG2`, without the transaction that carries it.
    function gasOfHashToG2(bytes calldata message, bytes calldata tag) external view returns (uint256 used) {
        (bytes memory message_, bytes memory tag_) = (message, tag);
        uint256 before = gasleft();
        BLS12381.hashToG2(message_, tag_);
        return before - gasleft();
    }
}

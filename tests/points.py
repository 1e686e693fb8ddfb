"""Any points of BLS12-381 as the contracts take them, with those that no key can be."""

from __future__ import annotations

from py_arkworks_bls12381 import G1Point, G2Point

from handfast.crypto.bls import G1Words, G2Words

INFINITY_G1: G1Words = (0, 0, 0, 0)
INFINITY_G2: G2Words = (INFINITY_G1, INFINITY_G1)

_CUTS = ((0, 16), (16, 48), (48, 64), (64, 96))


def words(data: bytes) -> G1Words:
    """Two field elements of 48 bytes as four words."""
    first, second, third, fourth = (int.from_bytes(data[a:b], "big") for a, b in _CUTS)
    return first, second, third, fourth


def g1(point: G1Point) -> G1Words:
    return words(point.to_xy_bytes_be())


def g2(point: G2Point) -> G2Words:
    data = point.to_xy_bytes_be()
    return words(data[:96]), words(data[96:])


def stray_g1() -> G1Point:
    """The point with x = 4: on the curve, outside the subgroup."""
    return G1Point.from_compressed_bytes_unchecked(b"\x80" + bytes(46) + b"\x04")


def stray_g2() -> G2Point:
    """The point with x = 2: on the curve, outside the subgroup."""
    return G2Point.from_compressed_bytes_unchecked(b"\x80" + bytes(94) + b"\x02")

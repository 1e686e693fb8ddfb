"""ChaCha20.sol == RFC 8439 == `cryptography`, at every length and offset. (SPEC SL-1)"""

from __future__ import annotations

import pytest
from brownie.test import given, strategy

from tests.chain import reverts
from tests.sealing import chacha20

KEY = bytes(range(32))
LAST = 2**32 - 1

BLOCK_VECTORS = [  # RFC 8439, 2.3.2 and appendix A.1: key, nonce, counter, keystream
    (
        KEY,
        "000000090000004a00000000",
        1,
        (
            "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
            "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
        ),
    ),
    (
        bytes(32),
        "00" * 12,
        0,
        (
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        ),
    ),
    (
        bytes(32),
        "00" * 12,
        1,
        (
            "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
        ),
    ),
    (
        bytes(31) + b"\1",
        "00" * 12,
        1,
        (
            "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
            "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"
        ),
    ),
    (
        bytes.fromhex("00ff" + "00" * 30),
        "00" * 12,
        2,
        (
            "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
            "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"
        ),
    ),
    (
        bytes(32),
        "00" * 11 + "02",
        0,
        (
            "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
            "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"
        ),
    ),
]

# RFC 8439, 2.4.2.
SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
SUNSCREEN_ENCRYPTED = (
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62"
    "b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91a"
    "b77937365af90bbf74a35be6b40b8eedf2785e42874d"
)


@pytest.fixture(scope="module")
def cipher(deployer, SealingHarness):
    return deployer.deploy(SealingHarness)


@pytest.mark.parametrize(("key", "nonce", "counter", "stream"), BLOCK_VECTORS)
def test_makes_the_key_stream_of_the_rfc(cipher, key, nonce, counter, stream):
    made = cipher.applyChaCha20(bytes(64), 0, key, bytes.fromhex(nonce), counter)
    assert bytes(made) == bytes.fromhex(stream)


def test_encrypts_as_the_rfc_does(cipher):
    nonce = bytes.fromhex("000000000000004a00000000")
    encrypted = bytes(cipher.applyChaCha20(SUNSCREEN, 0, KEY, nonce, 1))
    assert encrypted == bytes.fromhex(SUNSCREEN_ENCRYPTED)
    assert bytes(cipher.applyChaCha20(encrypted, 0, KEY, nonce, 1)) == SUNSCREEN


@given(
    key=strategy("bytes32"),
    nonce=strategy("bytes", min_size=12, max_size=12),
    counter=strategy("uint32", max_value=LAST - 16),
    text=strategy("bytes", max_size=700),
)
def test_encrypts_anything_as_cryptography_does(cipher, key, nonce, counter, text):
    made = bytes(cipher.applyChaCha20(text, 0, key, nonce, counter))
    assert made == chacha20(bytes(key), text, counter, nonce)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 64, 65, 96, 127, 128, 4095, 4096])
@pytest.mark.parametrize("start", [0, 32, 5])
def test_leaves_what_is_before_and_behind_as_it_is(cipher, length, start):
    before, text = b"\xaa" * start, bytes(range(256)) * 16
    made = bytes(cipher.applyChaCha20(before + text[:length], start, KEY, bytes(12), 7))
    assert made == before + chacha20(KEY, text[:length], 7)


def test_counts_up_to_the_last_block_and_no_further(cipher):
    text = bytes(128)
    made = bytes(cipher.applyChaCha20(text, 0, KEY, bytes(12), LAST - 1))
    assert made == chacha20(KEY, text, LAST - 1)
    with reverts("CounterTooLarge", LAST + 1):
        cipher.applyChaCha20(text, 0, KEY, bytes(12), LAST)
    with reverts("CounterTooLarge", LAST + 1):
        cipher.applyChaCha20(b"\0", 0, KEY, bytes(12), LAST + 1)


def test_a_counter_of_all_bits_overflows_nothing(cipher):
    with reverts("Integer overflow"):
        cipher.applyChaCha20(bytes(65), 0, KEY, bytes(12), 2**256 - 1)

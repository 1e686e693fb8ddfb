"""One secret, from a keystore or the environment, and what derives from it. (SPEC RG-15, PR-13)"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from eth_account import Account
from py_ecc.bls import G2ProofOfPossession

from handfast.crypto.keys import Identity, load, read_keystore, write_keystore
from handfast.errors import InvalidInput

SECRET = "0x" + "4c" * 32
IDENTITY = Identity.parse(SECRET)
CHEAP = 2  # iterations of scrypt: these keystores guard nothing


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    file = tmp_path / "key.json"
    write_keystore(IDENTITY, file, "open sesame", CHEAP)
    return file


def test_is_the_account_of_its_secret() -> None:
    assert IDENTITY.address == Account.from_key(SECRET).address == IDENTITY.account().address
    assert Identity.parse(SECRET.removeprefix("0x") + "\n") == IDENTITY


def test_derives_bls_keys_by_the_drafts_keygen() -> None:
    for use, key in (
        ("signing", IDENTITY.signing_key()),
        ("decryption", IDENTITY.decryption_key()),
    ):
        info = f"handfast/v1/{use}/1".encode()
        assert key.scalar == G2ProofOfPossession.KeyGen(IDENTITY.secret, info)


def test_every_use_and_epoch_has_its_own_key() -> None:
    keys = [
        key(epoch) for key in (IDENTITY.signing_key, IDENTITY.decryption_key) for epoch in (1, 2)
    ]
    assert len({key.scalar for key in keys}) == 4


def test_never_shows_its_secret() -> None:
    for text in (repr(IDENTITY), str(IDENTITY), f"{IDENTITY.signing_key()!r}"):
        assert "4c4c" not in text
        assert "LLLL" not in text
    assert IDENTITY.address in repr(IDENTITY)


def test_drawn_identities_differ() -> None:
    assert Identity.generate() != Identity.generate()


@pytest.mark.parametrize(
    "text", ["", "0x", "4c" * 31, "4c" * 33, "0x" + "zz" * 32, "00" * 32, "ff" * 32]
)
def test_refuses_what_is_no_secret_key_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput, match="secret key") as fault:
        Identity.parse(text)
    assert len(text) < 60 or text not in str(fault.value)


def test_loads_from_the_environment() -> None:
    assert load(environment={"HANDFAST_KEY": SECRET}) == IDENTITY


def test_tells_which_variable_is_wrong_or_missing() -> None:
    with pytest.raises(InvalidInput, match="HANDFAST_KEY: an account's secret key has 64"):
        load(environment={"HANDFAST_KEY": "secret"})
    with pytest.raises(InvalidInput, match="name a keystore file or set HANDFAST_KEY"):
        load(environment={})


def test_a_keystore_goes_before_the_environment(keystore: Path) -> None:
    environment = {"HANDFAST_KEY": "0x" + "01" * 32, "HANDFAST_PASSWORD": "open sesame"}
    assert load(keystore, environment=environment) == IDENTITY


def test_takes_the_password_from_file_then_environment_then_prompt(
    keystore: Path, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\nand a second line\n")
    wrong = {"HANDFAST_PASSWORD": "wrong"}
    right = {"HANDFAST_PASSWORD": "open sesame"}
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return "open sesame"

    assert load(keystore, file, wrong, prompt) == IDENTITY
    assert load(keystore, None, right, prompt) == IDENTITY
    assert asked == []
    assert load(keystore, None, {}, prompt) == IDENTITY
    assert asked == [f"Password of {keystore}: "]
    with pytest.raises(InvalidInput, match="set HANDFAST_PASSWORD or name a password file"):
        load(keystore, environment={})


def test_reads_what_eth_account_encrypts_and_the_other_way_round(keystore: Path) -> None:
    assert Account.decrypt(keystore.read_text(), "open sesame") == IDENTITY.secret
    assert read_keystore(keystore, "open sesame") == IDENTITY


def test_tells_a_wrong_password(keystore: Path) -> None:
    with pytest.raises(InvalidInput, match=r"key\.json: wrong password"):
        read_keystore(keystore, "open barley")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 4}', '{"version": 3}', "\xff"])
def test_tells_what_is_no_keystore(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match="not a keystore file"):
        read_keystore(file, "open sesame")


def test_tells_a_missing_file(tmp_path: Path, keystore: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_keystore(tmp_path / "none", "")
    with pytest.raises(InvalidInput, match=r"password file .*: No such file"):
        load(keystore, tmp_path / "none", {})


def test_a_keystore_is_for_its_owner_alone_and_not_overwritten(keystore: Path) -> None:
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    with pytest.raises(InvalidInput, match="not overwritten"):
        write_keystore(Identity.generate(), keystore, "", CHEAP)
    assert read_keystore(keystore, "open sesame") == IDENTITY
    with pytest.raises(InvalidInput, match="No such file"):
        write_keystore(IDENTITY, keystore.parent / "none" / "key.json", "", CHEAP)

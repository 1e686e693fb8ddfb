"""`handfast key` makes keys, and shows what is public of them. (SPEC RG-15, PR-13)"""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from handfast.cli import main
from handfast.crypto.keys import Identity, read_keystore

SECRET = "0x" + "4c" * 32


def test_makes_a_keystore_once(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    environment = {"HANDFAST_PASSWORD": "open sesame"}
    made = CliRunner().invoke(main, ["key", "new", str(file)], env=environment)
    assert made.exit_code == 0, made.output
    assert made.output.strip() == read_keystore(file, "open sesame").address
    again = CliRunner().invoke(main, ["key", "new", str(file)], env=environment)
    assert again.exit_code == 2
    assert "not overwritten" in again.output


def test_asks_for_a_password_where_nobody_can_answer(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["key", "new", str(tmp_path / "key.json")])
    assert made.exit_code == 2
    assert "set HANDFAST_PASSWORD or name a password file" in made.output
    assert not (tmp_path / "key.json").exists()


def test_shows_what_is_public_and_nothing_else() -> None:
    shown = CliRunner().invoke(main, ["key", "show"], env={"HANDFAST_KEY": SECRET})
    identity = Identity.parse(SECRET)
    assert shown.exit_code == 0, shown.output
    assert identity.address in shown.output
    assert bytes(identity.signing_key().public_key()).hex() in shown.output
    assert bytes(identity.decryption_key().public_key()).hex() in shown.output
    assert "4c4c" not in shown.output

"""`handfast storage` on the command line, with a local store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handfast.cli import main
from handfast.storage.local import LocalStore
from handfast.storage.store import cid_of_bytes, cid_of_path
from tests.storage_shapes import CHUNK, DIRECTORIES, content, sized, write

DATA = b"".join(content(sized(5 * CHUNK + 7)))
NOTHING = str(cid_of_bytes(b"nobody has this"))


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("HANDFAST_STORE", "HANDFAST_KUBO"):
        monkeypatch.delenv(name, raising=False)
    Path("file").write_bytes(DATA)


def run(*arguments: str, code: int = 0, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["storage", *arguments], input=stdin)
    assert result.exit_code == code, result.output
    return result


def test_add_prints_the_cid() -> None:
    """ST-22"""
    assert run("add", "file").stdout == f"{cid_of_bytes(DATA)}\n"


def test_add_prints_json_if_asked() -> None:
    """ST-22"""
    assert json.loads(run("add", "file", "--json").stdout) == {"cid": str(cid_of_bytes(DATA))}


def test_add_takes_directories_and_hidden_names_if_asked() -> None:
    """ST-22"""
    write({"entries": {".dot": sized(5), "plain": sized(5)}}, Path("in"))
    assert run("add", "in").stdout.strip() == str(cid_of_path(Path("in")))
    assert run("add", "in", "--hidden").stdout.strip() == str(cid_of_path(Path("in"), hidden=True))


def test_add_reads_the_standard_input() -> None:
    """ST-22"""
    assert run("add", "-", stdin=DATA).stdout.strip() == str(cid_of_bytes(DATA))


def test_get_writes_to_the_standard_output_or_a_path() -> None:
    """ST-22"""
    cid = run("add", "file").stdout.strip()
    assert run("get", cid).stdout_bytes == DATA
    assert run("get", cid, "-o", "out").stdout_bytes == b""
    assert Path("out").read_bytes() == DATA


def test_get_writes_a_directory_to_a_path_alone() -> None:
    """ST-22"""
    write(DIRECTORIES["nested"], Path("in"))
    cid = run("add", "in").stdout.strip()
    run("get", cid, "-o", "out")
    assert str(cid_of_path(Path("out"))) == cid
    assert "directory" in run("get", cid, code=2).stderr


def test_verify_says_what_is_whole() -> None:
    """ST-22"""
    cid = run("add", "file").stdout.strip()
    assert f"bytes {len(DATA)}" in run("verify", cid).stdout
    found = json.loads(run("verify", cid, "--json").stdout)
    assert found == {"cid": cid, "files": 1, "bytes": len(DATA)}


def test_verify_notices_damage(tmp_path: Path) -> None:
    """ST-22"""
    cid = run("add", "file").stdout.strip()
    (pack,) = (tmp_path / "data" / "handfast" / "store" / "packs").iterdir()
    pack.write_bytes(bytes(pack.stat().st_size))
    assert "not that block" in run("verify", cid, code=3).stderr


def test_pin_keeps_what_is_there(tmp_path: Path) -> None:
    """ST-22"""
    cid = run("add", "file", "--store", "here").stdout.strip()
    assert cid in run("pin", cid, "--store", "here").stdout
    assert json.loads(run("pin", cid, "--json", "--store", "here").stdout) == {"cid": cid}
    with LocalStore(Path("here")) as store:
        assert [str(pinned) for pinned in store.pins()] == [cid]


@pytest.mark.parametrize("command", ["get", "pin", "verify"])
def test_what_is_missing_is_said_in_one_line(command: str) -> None:
    """ST-22"""
    assert run(command, NOTHING, code=4).stderr == (
        f"handfast: block {NOTHING} is not in this store\n"
    )


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["get", "Qm"], "not a CID"),
        (["add", "nothing"], "no such file"),
        (["add", "file", "--store", "x", "--kubo", "/ip4/127.0.0.1/tcp/1"], "either"),
        (["add", "file", "--kubo", "x"], "no address"),
        (["get", NOTHING, "--from", "x"], "URL"),
        (["pin", NOTHING, "--kubo", "/ip4/127.0.0.1/tcp/1", "--from", "http://a"], "leave out"),
    ],
)
def test_faults_of_the_caller_are_said_in_one_line(arguments: list[str], fact: str) -> None:
    """ST-22"""
    error = run(*arguments, code=2).stderr
    assert fact in error
    assert error.count("\n") == 1


def test_settings_come_from_the_environment_and_flags_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ST-22"""
    monkeypatch.setenv("HANDFAST_STORE", "from environment")
    cid = run("add", "file").stdout.strip()
    assert Path("from environment", "index.sqlite").exists()
    monkeypatch.setenv("HANDFAST_KUBO", "/ip4/127.0.0.1/tcp/1")
    assert "cannot be reached" in run("verify", cid, code=4).stderr
    run("verify", cid, "--store", "from environment")

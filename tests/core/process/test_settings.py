"""Settings are merged from flags, environment and file, and every fault is a line of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError

from handfast.errors import InvalidInput
from handfast.settings import Settings, Table


class Limits(Table):
    sessions: int = Field(default=8, gt=0)
    rate: int = 100


class Town(Settings):
    rpc_url: str
    port: int = Field(default=8545, ge=0, le=65535)
    limits: Limits = Limits()
    account_key: SecretStr = SecretStr("")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "town.toml"
    path.write_text('rpc_url = "file"\nport = 1\n[limits]\nsessions = 2\nrate = 3\n')
    return path


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    assert Town.load(file).port == 1
    monkeypatch.setenv("HANDFAST_PORT", "2")
    assert Town.load(file).port == 2
    assert Town.load(file, port=3).port == 3
    assert Town.load(file, port=None).port == 2


def test_tables_are_merged_field_by_field(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("HANDFAST_LIMITS__RATE", "7")
    assert Town.load(file).limits == Limits(sessions=2, rate=7)


def test_defaults_hold_where_no_source_has_a_value() -> None:
    assert Town.load(rpc_url="flag").limits == Limits(sessions=8, rate=100)


def faults(file: Path | None = None, **flags: object) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        Town.load(file, **flags)
    return str(caught.value).splitlines()


def test_every_fault_is_a_line_that_names_setting_and_source(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    file.write_text('prot = 1\n[limits]\nsessions = "many"\n')
    monkeypatch.setenv("HANDFAST_PORT", "65536")
    lines = faults(file, limits={"rate": "fast"})
    number = "Input should be a valid integer, unable to parse string as an integer"
    assert lines == [
        "setting rpc_url: required (no flag, file or HANDFAST_RPC_URL has it)",
        "setting port: Input should be less than or equal to 65535 (environment)",
        f"setting limits.sessions: {number} (file {file})",
        f"setting limits.rate: {number} (flag)",
        f"setting prot: not a setting (file {file})",
    ]


def test_a_file_that_is_missing_or_not_toml_is_one_line(tmp_path: Path) -> None:
    assert faults(tmp_path / "no.toml") == [
        f"settings file {tmp_path / 'no.toml'}: No such file or directory"
    ]
    broken = tmp_path / "broken.toml"
    broken.write_text("port 1")
    (line,) = faults(broken)
    assert line.startswith(f"settings file {broken}: ")
    broken.write_bytes(b"\xff")
    (line,) = faults(broken)
    assert line.startswith(f"settings file {broken}: ")


def test_a_variable_may_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_LIMITS", '{"sessions": 3}')
    monkeypatch.setenv("HANDFAST_LIMITS__RATE", "4")
    assert Town.load(rpc_url="flag").limits == Limits(sessions=3, rate=4)
    monkeypatch.setenv("HANDFAST_LIMITS", "{")
    (line,) = faults(rpc_url="flag")
    assert line.startswith("HANDFAST_LIMITS in the environment is no JSON: ")


def test_a_variable_of_another_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_SOMETHING_ELSE", "1")
    assert Town.load(rpc_url="flag").port == 8545


def test_a_variable_inside_a_table_must_be_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_LIMITS__RAET", "1")
    assert faults(rpc_url="flag") == ["setting limits.raet: not a setting (environment)"]


def test_no_fault_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults(rpc_url="flag", account_key=["5ec2e7"])
    assert "account_key" in lines[0]
    assert "5ec2e7" not in lines[0]


def test_settings_are_frozen() -> None:
    settings = Town.load(rpc_url="flag")
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]

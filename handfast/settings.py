"""Where a process's settings come from: flags before environment before file before defaults."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from handfast.errors import InvalidInput

PREFIX = "HANDFAST_"
NESTED = "__"

_TEXTS = {"missing": "required", "extra_forbidden": "not a setting"}


class Table(BaseModel):
    """A group of settings, one inside another: a table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Settings(Table):
    """Base of a process's settings: immutable, complete and valid from its making on.

    A field `fee` is read from the flag, else from HANDFAST_FEE, else from `fee` in the TOML file;
    `fee` of a table `limits` from HANDFAST_LIMITS__FEE or the file's table `limits`. A variable
    that begins with [ or { is JSON.
    """

    @classmethod
    def load(cls, file: Path | None = None, **flags: Any) -> Self:
        """Merge and check all sources.

        file     TOML, or None for no file
        flags    from the command line; None stands for a flag that was not given
        raises   InvalidInput with one line for each fault, which names setting and source
        """
        sources = {
            f"file {file}": _read(file),
            "environment": _environment(cls.model_fields),
            "flag": {name: value for name, value in flags.items() if value is not None},
        }
        merged: dict[str, Any] = {}
        for values in sources.values():
            merged = _merge(merged, values)
        try:
            return cls(**merged)
        except ValidationError as fault:
            raise InvalidInput("\n".join(_lines(fault, sources))) from None


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text())
    except OSError as fault:
        raise InvalidInput(f"settings file {file}: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise InvalidInput(f"settings file {file}: {fault}") from None


def _environment(settings: Iterable[str]) -> dict[str, Any]:
    """The variables that set one of these settings, nested as their names say."""
    known = tuple(settings)
    values: dict[str, Any] = {}
    for variable, text in os.environ.items():
        first, *inner = variable.removeprefix(PREFIX).lower().split(NESTED)
        if variable.startswith(PREFIX) and first in known:
            value = _from_text(variable, text)
            for name in reversed([first, *inner]):
                value = {name: value}
            values = _merge(values, value)
    return values


def _from_text(variable: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        raise InvalidInput(f"{variable} in the environment is no JSON: {fault.msg}") from None


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[name] = _merge(under, value)
        else:
            merged[name] = value
    return merged


def _lines(fault: ValidationError, sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = []
    for error in fault.errors(include_url=False, include_input=False):
        path = [str(part) for part in error["loc"]]
        origin = [name for name, values in sources.items() if _has(values, path)]
        source = origin[-1] if origin else f"no flag, file or {_variable(path)} has it"
        text = _TEXTS.get(error["type"], error["msg"])
        lines.append(f"setting {'.'.join(path)}: {text} ({source})")
    return lines


def _has(values: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _variable(path: list[str]) -> str:
    return PREFIX + NESTED.join(path).upper()

"""Pure modules have no effects, the package needs no compiler, no file names a place of ours."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "handfast"

# Modules of these names decide and do nothing else, in whichever domain they stand; and so does
# every module of ours that they import.
PURE_NAMES = {
    "cid", "constants", "dagpb", "effects", "errors", "inputs", "keccak", "merkle", "messages",
    "model", "rules", "state", "step", "transition", "unixfs",
}  # fmt: skip

# What they may import of the standard library, and of others.
PURE_IMPORTS = {
    "__future__", "abc", "base64", "bisect", "collections", "dataclasses", "decimal", "enum",
    "fractions", "functools", "hashlib", "heapq", "hmac", "itertools", "math", "operator", "re",
    "struct", "types", "typing",
    "coincurve", "mmh3", "msgpack", "py_arkworks_bls12381", "sha3",
}  # fmt: skip

# Calls that touch the world even without an import.
EFFECTS = {"open", "print", "input", "breakpoint", "exec", "eval", "__import__"}

FORBIDDEN_IN_PACKAGE = {"brownie", "solcx", "vyper", "vvm", "slither", "pytest", "hypothesis"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def path_of(name: str) -> Path:
    """The file of one of our modules."""
    path = ROOT / Path(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if path_of(inner).exists() else node.module


def packages_of(path: Path) -> list[Path]:
    """What runs before the module does: the packages that it is in."""
    folders = [folder for folder in path.parents if folder.is_relative_to(PACKAGE)]
    return [folder / "__init__.py" for folder in folders]


def pure_modules() -> list[Path]:
    """The modules of PURE_NAMES and all of ours that they reach."""
    found: set[Path] = set()
    waiting = [path for path in modules() if path.stem in PURE_NAMES]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            ours = [path_of(name) for name in imports(path) if name.startswith("handfast")]
            waiting += [*ours, *packages_of(path)]
    return sorted(found)


def test_there_are_pure_modules_and_others() -> None:
    assert {"constants", "messages", "merkle"} <= {path.stem for path in pure_modules()}
    assert len(pure_modules()) < len(modules())


@pytest.mark.parametrize("path", pure_modules(), ids=name_of)
def test_a_pure_module_imports_only_what_is_pure(path: Path) -> None:
    others = {name for name in imports(path) if not name.startswith("handfast")}
    assert {name.split(".")[0] for name in others} <= PURE_IMPORTS


@pytest.mark.parametrize("path", pure_modules(), ids=name_of)
def test_a_pure_module_is_synchronous_and_calls_no_effect(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in EFFECTS, f"line {node.lineno} calls {node.func.id}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_package_needs_neither_compiler_nor_test_framework(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & FORBIDDEN_IN_PACKAGE


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_has_a_star_import_or_swallows_everything(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"line {node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.id if isinstance(node.type, ast.Name) else ""
            everything = node.type is None or caught in {"Exception", "BaseException"}
            passed_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            assert passed_on or not everything, f"line {node.lineno}"


def test_a_file_of_the_package_is_at_most_500_lines_long() -> None:
    long = {
        name_of(path): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > 500
        and "Generated from protocol.toml" not in path.read_text()
    }
    assert not long


# Written in pieces, so that this file does not name them either.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io"]
PLACES = ["/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/"]


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_committed_file_names_a_registry_or_a_place_on_a_machine() -> None:
    found = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            text = content.decode()
            found += [(path.name, word) for word in [*HOSTS, *PLACES] if word in text]
    assert found == []

"""Builds the wheel, installs it into an empty environment and tries what it brings.

    python scripts/check_wheel.py

Reaches out to the package registry that pip is configured for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_PACKAGES = 60
Command = list[str | Path]
NEVER = {"eth-brownie", "vyper", "py-solc-x", "vvm", "slither-analyzer", "jax", "pytest"}

PROBE = """
import json
import pkgutil
from importlib import import_module, resources

import handfast
from handfast.inference.digits import draw
from handfast.inference.images import encode_png
from handfast.inference.judge import judge
from handfast.protocol.messages import Domain, Opinion

# What a voter's confined child alone imports needs the extra `voter`.
ELSEWHERE = {"handfast.__main__", "handfast.disputes.predicting", "handfast.disputes.tables"}
for module in pkgutil.walk_packages(handfast.__path__, "handfast."):
    if module.name not in ELSEWHERE:
        import_module(module.name)
for item in resources.files("handfast.abi").iterdir():
    if item.name.endswith(".json"):
        artifact = json.loads(item.read_text())
        assert artifact["abi"] and len(artifact["bytecode"]) > 2, item.name
assert judge(encode_png(draw(7, seed=1)), "a seven", 0.5).satisfied
print(Opinion(bytes(32), True).digest(Domain(1, "0x" + "5a" * 20)).hex())
"""


def build(folder: Path) -> Path:
    """The wheel of this checkout, built with the locked build backend."""
    uv: Command = [ROOT / ".venv/bin/uv", "build", "--quiet", "--wheel", "--no-build-isolation"]
    subprocess.run(
        [*uv, "--python", sys.executable, "--out-dir", folder, "."], cwd=ROOT, check=True
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """An empty virtual environment with pip; returns its bin folder."""
    subprocess.run([sys.executable, "-m", "venv", folder], env=bare(), check=True)
    return folder / "bin"


def installed(binaries: Path) -> dict[str, str]:
    """Name and version of all that was installed, pip itself left out."""
    pip: Command = [binaries / "python", "-m", "pip", "list", "--format", "freeze"]
    lines = subprocess.run(pip, env=bare(), capture_output=True, text=True, check=True).stdout
    pairs = (line.split("==") for line in lines.splitlines())
    return {name.lower(): version for name, version in pairs if name not in ("pip", "setuptools")}


def bare() -> dict[str, str]:
    """An environment in which the checkout's own tools can't be found."""
    kept = {name: value for name, value in os.environ.items() if name != "SOLCX_BINARY_PATH"}
    folders = kept.get("PATH", "").split(os.pathsep)
    kept["PATH"] = os.pathsep.join(path for path in folders if not path.startswith(str(ROOT)))
    return kept


def check(binaries: Path) -> None:
    """Exit with one line if the package brings too much or does not work."""
    packages = installed(binaries)
    if len(packages) > MAX_PACKAGES:
        sys.exit(f"{len(packages)} packages, at most {MAX_PACKAGES} were wanted")
    if brought := NEVER & packages.keys():
        sys.exit(f"the wheel brings {', '.join(sorted(brought))}")
    for command in (["--version"], ["--help"]):
        subprocess.run(
            [binaries / "handfast", *command], env=bare(), check=True, stdout=subprocess.DEVNULL
        )
    subprocess.run(
        [binaries / "python", "-c", PROBE], env=bare(), check=True, stdout=subprocess.DEVNULL
    )
    print(f"the wheel works in an empty environment with {len(packages)} packages")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        binaries = make_environment(folder / "venv")
        uv: Command = [ROOT / ".venv/bin/uv", "pip", "install", "--quiet"]
        subprocess.run([*uv, "--python", binaries / "python", wheel], env=bare(), check=True)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
        check(binaries)


if __name__ == "__main__":
    main()

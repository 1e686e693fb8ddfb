"""Writes handfast/abi/<Contract>.json: what the installed package calls and deploys contracts with.

    python scripts/build_abis.py

The bytecode is forge's and carries no metadata, so that it depends on the code alone. The files are
committed; CI writes them again and fails on a difference.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "handfast" / "abi"
NOT_SHIPPED = {"mocks", "protocol"}


def deployable() -> Iterator[tuple[str, Path]]:
    """(name, source) of every contract that a deployment may consist of."""
    contracts = ROOT / "contracts"
    for source in sorted(contracts.rglob("*.sol")):
        if source.relative_to(contracts).parts[0] not in NOT_SHIPPED:
            for name in re.findall(r"^contract (\w+)", source.read_text(), re.MULTILINE):
                yield name, source


def render(name: str, source: Path) -> str:
    """The shipped file of one contract, from forge's artifact."""
    artifact = json.loads((ROOT / "out" / source.name / f"{name}.json").read_text())
    if artifact["bytecode"]["linkReferences"]:
        sys.exit(f"{name} needs a library to be deployed first; make its functions internal")
    content = {"abi": artifact["abi"], "bytecode": artifact["bytecode"]["object"]}
    return json.dumps(content, indent=1) + "\n"


def main() -> None:
    forge = [".tools/bin/forge", "build", "--quiet", "--skip", "*/mocks/*", "--skip", "test"]
    subprocess.run(forge, cwd=ROOT, check=True)
    files = {f"{name}.json": render(name, source) for name, source in deployable()}
    for stale in {path.name for path in TARGET.glob("*.json")} - files.keys():
        (TARGET / stale).unlink()
    for name, text in files.items():
        (TARGET / name).write_text(text)
    print(f"{len(files)} contracts in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""Writes handfast/abi/<Contract>.json: what the installed package calls and deploys contracts with.

    python scripts/build_abis.py

The bytecode is forge's and carries no metadata, so that it depends on the code alone. Its sizes go
to benchmarks/sizes.txt. The files are committed; CI writes them again and fails on a difference.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "handfast" / "abi"
SIZES = ROOT / "benchmarks" / "sizes.txt"
MAX_SIZE = 24_576
NOT_SHIPPED = {"mocks", "protocol"}


def deployable() -> Iterator[tuple[str, Path]]:
    """(name, source) of every contract that a deployment may consist of."""
    contracts = ROOT / "contracts"
    for source in sorted(contracts.rglob("*.sol")):
        if source.relative_to(contracts).parts[0] not in NOT_SHIPPED:
            for name in re.findall(r"^contract (\w+)", source.read_text(), re.MULTILINE):
                yield name, source


def artifact(name: str, source: Path) -> dict[str, Any]:
    """What forge built of a contract."""
    built = ROOT / "out" / source.name / f"{name}.json"
    content: dict[str, Any] = json.loads(built.read_text())
    if content["bytecode"]["linkReferences"]:
        sys.exit(f"{name} needs a library to be deployed first; make its functions internal")
    return content


def shipped(content: dict[str, Any]) -> str:
    """The file of one contract in the package."""
    kept = {"abi": content["abi"], "bytecode": content["bytecode"]["object"]}
    return json.dumps(kept, indent=1) + "\n"


def size(content: dict[str, Any]) -> int:
    """Bytes of a contract on chain."""
    return len(content["deployedBytecode"]["object"]) // 2 - 1


def main() -> None:
    forge = [".tools/bin/forge", "build", "--quiet", "--skip", "*/mocks/*", "--skip", "*/tests/*"]
    subprocess.run(forge, cwd=ROOT, check=True)
    built = {name: artifact(name, source) for name, source in deployable()}
    for stale in {path.stem for path in TARGET.glob("*.json")} - built.keys():
        (TARGET / f"{stale}.json").unlink()
    for name, content in built.items():
        (TARGET / f"{name}.json").write_text(shipped(content))
    rows = [f"{name:28}{size(content):7,}" for name, content in sorted(built.items())]
    SIZES.write_text("\n".join([f"bytes on chain, of {MAX_SIZE:,} allowed", *rows]) + "\n")
    if large := [name for name, content in built.items() if size(content) > MAX_SIZE]:
        sys.exit(f"too large to deploy (EIP-170): {', '.join(large)}")
    print(f"{len(built)} contracts in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

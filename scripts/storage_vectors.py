"""Writes tests/vectors/storage.json: the CIDs that a real Kubo gives to the shapes of the tests.

Run as `.venv/bin/python -m scripts.storage_vectors` where `make kubo` works.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.storage_shapes import SHAPES, sized, write

_ROOT = Path(__file__).parent.parent
_OUT = _ROOT / "tests" / "vectors" / "storage.json"
_ADD = ["add", "--recursive", "--quieter", "--only-hash", "--cid-version=1", "--raw-leaves"]
_HIDDEN = {"entries": {".dot": sized(5), "plain": sized(5, 1)}}
_THREE_LEVELS = 16 * 174 * 174 + 1
"""Bytes that need three levels of nodes when a chunk has 16."""


def main() -> None:
    kubo = _run([str(_ROOT / "scripts" / "build_kubo.sh")])
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        os.environ["IPFS_PATH"] = str(work / "repo")
        _run([kubo, "init", "--profile=test"])
        vectors = []
        for number, (name, shape) in enumerate(SHAPES.items()):
            place = work / str(number)
            write(shape, place)
            vectors.append({"name": name, "shape": shape, "cid": _run([kubo, *_ADD, str(place)])})
        hidden = work / "hidden"
        write(_HIDDEN, hidden)
        zeros = work / "zeros"
        zeros.write_bytes(bytes(_THREE_LEVELS))
        document = {
            "kubo": _run([kubo, "version", "--number"]),
            "command": " ".join(["ipfs", *_ADD]),
            "vectors": vectors,
            "hidden": {
                "shape": _HIDDEN,
                "left out": _run([kubo, *_ADD, str(hidden)]),
                "taken": _run([kubo, *_ADD, "--hidden", str(hidden)]),
            },
            "three levels": {
                "chunk": 16,
                "zeros": _THREE_LEVELS,
                "cid": _run([kubo, *_ADD, "--chunker=size-16", str(zeros)]),
            },
        }
    _OUT.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    main()

"""Tries, inside the child, what a model that has taken it over would try."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from handfast.disputes.jobs import Held, Probe


def probe(job: Probe, mechanisms: tuple[str, ...]) -> Held:
    """What still works, by trying it."""
    informed = any(name.startswith("HANDFAST_") for name in os.environ)
    return Held(mechanisms, _opens(Path(job.path)), _connects(job.port), _forks(), informed)


def _opens(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def _connects(port: int) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _forks() -> bool:
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True

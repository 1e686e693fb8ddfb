"""Ties a process to the life of the one that starts it, where the system can."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def tied(command: Sequence[str]) -> tuple[str, ...]:
    """The command, told to end (SIGTERM) once the thread that starts it is gone, however it went.

    That takes `setpriv` of util-linux, as Linux has it; elsewhere the command is left as it is.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", *command) if setpriv else tuple(command)

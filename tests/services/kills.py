"""Runs a scenario in a process of its own that is killed at its n-th commit to a database."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect


def survives(scenario: Callable[[], None], commits: int, *, after: bool) -> bool:
    """Run a scenario in a fork and say whether it came to its end.

    commits   the process is killed, as by `kill -9`, at its commit of this number, from 0
    after     whether that commit is still done
    """
    child = os.fork()
    if child == 0:
        # Nothing of pytest may run in the child, whatever happens.
        status = 1
        try:
            _kill_at(commits, after)
            scenario()
            status = 0
        finally:
            os._exit(status)
    _, result = os.waitpid(child, 0)
    if os.WIFSIGNALED(result):
        assert os.WTERMSIG(result) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(result) == 0, "the scenario failed, see its output above"
    return True


def _kill_at(number: int, after: bool) -> None:
    commit = DefaultDialect.do_commit
    left = number

    def counted(self: DefaultDialect, connection: Any) -> None:
        nonlocal left
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, connection)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    # The fork ends with the scenario: nobody restores this.
    pytest.MonkeyPatch().setattr(DefaultDialect, "do_commit", counted)

"""The child process: confines itself, evaluates one model or one table, answers, and ends.

Libraries are loaded before it gives everything up, the material is touched only afterwards. What a
library raises then is the material's fault, and the answer.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import IO, assert_never

from handfast.disputes.confinement import confine
from handfast.disputes.jobs import (
    ANSWERS,
    ORDERS,
    Answer,
    Extract,
    Inspect,
    Job,
    Predict,
    Probe,
    Refused,
)

CANNOT_START = 70
"""Exit status of a child in which something is missing that is not the material's."""

_REASON_CHARACTERS = 300


def main() -> None:
    """Do the order that stands in the standard input."""
    order = ORDERS.decode(sys.stdin.buffer.read())
    try:
        _load(order.job)
    except ImportError as error:
        sys.stdout.write(str(error))
        sys.exit(CANNOT_START)
    files = tuple(os.fdopen(descriptor, "rb") for descriptor in order.files)
    mechanisms = confine(order.limits, order.parent)
    sys.excepthook = _refuse
    _answer(_perform(order.job, files, mechanisms))


def _load(job: Job) -> None:
    """Import what the job needs."""
    match job:
        case Predict():
            from handfast.disputes import predicting  # noqa: F401, PLC0415 - as late as possible
        case Extract() | Inspect():
            from handfast.disputes import tables  # noqa: F401, PLC0415
        case Probe():
            from handfast.disputes import probing  # noqa: F401, PLC0415
        case _:
            assert_never(job)


def _perform(job: Job, files: tuple[IO[bytes], ...], mechanisms: tuple[str, ...]) -> Answer:
    match job:
        case Predict():
            from handfast.disputes.predicting import predict  # noqa: PLC0415

            return predict(job, *files)
        case Extract():
            from handfast.disputes.tables import extract  # noqa: PLC0415

            return extract(job, *files)
        case Inspect():
            from handfast.disputes.tables import inspect  # noqa: PLC0415

            return inspect(job, *files)
        case Probe():
            from handfast.disputes.probing import probe  # noqa: PLC0415

            return probe(job, mechanisms)
        case _:
            assert_never(job)


def _refuse(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    text = " ".join(f"{kind.__name__}: {error}".split())
    _answer(Refused(text.encode("ascii", "replace").decode()[:_REASON_CHARACTERS]))


def _answer(answer: Answer) -> None:
    sys.stdout.buffer.write(ANSWERS.encode(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

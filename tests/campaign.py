"""How many examples a stateful test tries: few in every run, many in `make fuzz`."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("HANDFAST_TIMES", "1"))


def examples(few: int) -> int:
    """`few`, or as many times that as the campaign asks for in HANDFAST_TIMES."""
    return few * TIMES

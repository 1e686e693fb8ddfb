"""Does a round ever end with the fee moved and the ownership not? [prosecutor Fig. 10(b)]

    python -m benchmarks.atomicity

1,000 rounds for each probability that an instruction is delayed, then every fate of every
instruction; see `handfast.experiments.atomicity`.
"""

from __future__ import annotations

from handfast.experiments.atomicity import main

if __name__ == "__main__":
    main()

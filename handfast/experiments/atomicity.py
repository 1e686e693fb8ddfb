"""Whether a round ever ends with the fee moved and the ownership not, or the other way round, when
its instructions are delayed; and what delays cost in time.  [prosecutor Fig. 10(b)]

    python -m handfast.experiments.atomicity [--rounds 1000] [--seed 1] [--json]

Both ends of a channel run in virtual time, over a wire on which each message takes 50 ms, and is
delayed with the given probability by an exponential time of 15 s in the mean: often beyond the
timers of 20 s (an instruction), 60 s (patience with a silent peer) and 300 s (a lock's life), so
that rollbacks and unilateral closes happen. Later messages wait behind delayed ones. The hub's
chain makes a block every 5 s. Rounds follow each other in the channel, the two modes of lock in
turn; when a channel was left, the next round has a new one.

`silences` goes on where the paper stops: at each instruction in turn, its sender falls silent for
ever, loses its connection, or says it twice.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import count
from typing import assert_never

from handfast.channels.effects import Offered, Result
from handfast.channels.inputs import Buy, Sell, Tick
from handfast.channels.simulation import Actor, Simulation
from handfast.channels.state import Holdings
from handfast.channels.terms import Timing
from handfast.channels.wire import MESSAGES, Message, Party
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import FEE_UNIT

PROBABILITIES = tuple(tenths / 10 for tenths in range(10))
FEE = 1_000 * FEE_UNIT
TIMING = Timing(
    instruction=20,
    patience=60,
    margin=30,
    lifetime=300,
    shortest=100,
    longest=600,
    closing=60,
    retry=10,
)
WIRE_SECONDS = 0.05
MEAN_DELAY_SECONDS = 15.0
BLOCK_SECONDS = 5.0
CHALLENGE_SECONDS = 120
ROUNDS_PER_CHANNEL = 50
PATIENCE_SECONDS = 4_000.0
AGES_SECONDS = 8_000.0


@dataclass(frozen=True, slots=True)
class Row:
    """What came of so many rounds at one probability of delay.

    both, neither    rounds in which fee and ownership moved, or both stayed
    left             channels that were ended by the chain, out of `channels`
    mean_seconds     from the offer to the end of a round that was paid; p99_seconds likewise
    """

    probability: float
    rounds: int
    both: int
    neither: int
    channels: int
    left: int
    mean_seconds: float
    p99_seconds: float

    @property
    def atomicity(self) -> float:
        """Share of rounds that ended with both or neither."""
        return (self.both + self.neither) / self.rounds


class DelayedWorld(Simulation):
    """A channel whose messages take their time.

    delay     seconds that the next message takes beside the wire's own
    """

    def __init__(self, delay: Callable[[], float]) -> None:
        super().__init__(
            Holdings(ROUNDS_PER_CHANNEL * FEE, 0),
            timing=TIMING,
            challenge_period=CHALLENGE_SECONDS,
        )
        self.time = float(self.now)
        self._delay = delay
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._arrival = dict.fromkeys(Party, self.time)
        self._wakes: dict[Party, int | None] = dict.fromkeys(Party)
        self.at(self.time + BLOCK_SECONDS, self._make_block)

    def at(self, time: float, deed: Callable[[], None]) -> None:
        """Do something at a time."""
        self._count += 1
        heapq.heappush(self._events, (time, self._count, deed))

    def post(self, receiver: Actor, message: Message) -> None:
        """A message arrives after its delay, and not before those that were sent earlier."""
        arrival = max(self.time + WIRE_SECONDS + self._delay(), self._arrival[receiver.party])
        self._arrival[receiver.party] = arrival
        receiver.inbox.append(MESSAGES.encode(message))
        self.at(arrival, lambda: self._arrive(receiver))

    def _arrive(self, receiver: Actor) -> None:
        self.deliver(receiver)

    def _make_block(self) -> None:
        if any(actor.actions for actor in self.actors.values()):
            self.mine()
        self.at(self.time + BLOCK_SECONDS, self._make_block)

    def run(self, until: Callable[[], bool], seconds: float) -> bool:
        """Let things happen until something is true, or so many seconds have passed; which."""
        end = self.time + seconds
        while not until():
            self._set_alarms()
            if not self._events or self._events[0][0] > end:
                self.time, self.now = end, int(end)
                return until()
            self.time, _, deed = heapq.heappop(self._events)
            self.now = int(self.time)
            deed()
        return True

    def _set_alarms(self) -> None:
        for party, actor in self.actors.items():
            wake_at = actor.wake_at(self.now)
            if wake_at is not None and wake_at != self._wakes[party]:
                self._wakes[party] = wake_at
                self.at(float(wake_at), lambda actor=actor, at=wake_at: self._ring(actor, at))  # type: ignore[misc]

    def _ring(self, actor: Actor, wake_at: int) -> None:
        if self._wakes[actor.party] == wake_at:
            self._wakes[actor.party] = None
            self.feed(actor, Tick())

    def is_over(self) -> bool:
        """Whether both ends have done everything."""
        return all(actor.end.channel.exit.over for actor in self.actors.values())

    def is_left(self) -> bool:
        """Whether an end is leaving by the chain."""
        return any(actor.end.channel.leaving for actor in self.actors.values())

    def has_ended(self, hash_: bytes) -> bool:
        """Whether the client knows how a round ended, or its channel is being left."""
        return hash_ in self.client.concluded() or self.is_left()

    def end(self) -> set[bytes]:
        """Bring the channel to its end, and say which rounds were paid.

        raises   InvariantBroken if any round ended with one of fee and ownership
        """
        if self.is_left():
            self.run(self.is_over, AGES_SECONDS)
        self.finish()
        return self.verify()


def begin_round(world: DelayedWorld, number: int, *, with_key: bool) -> bytes | None:
    """Offer a product and wish for it; the hash of its lock, None if the offer never arrived."""
    product, secret = (keccak(word + number.to_bytes(8, "big")) for word in (b"product", b"secret"))
    deadline = world.now + TIMING.longest
    world.feed(world.provider, Sell(product, FEE, secret if with_key else None, deadline))

    def offered() -> bool:
        return any(
            isinstance(event, Offered) and event.offer.product == product
            for event in world.client.events[-4:]
        )

    world.run(lambda: offered() or world.is_left(), TIMING.instruction)
    if not offered() or world.is_left():
        return None
    world.feed(world.client, Buy(product, FEE, keccak(secret), None if with_key else secret))
    return keccak(secret)


def measure(probability: float, rounds: int, seed: int) -> Row:
    """So many rounds at one probability of delay.

    raises   InvariantBroken if any round ended with one of fee and ownership
    """
    source = random.Random(f"{seed} {probability}")

    def delay() -> float:
        late = source.random() < probability
        return source.expovariate(1 / MEAN_DELAY_SECONDS) if late else 0.0

    taken: list[float] = []
    both = channels = left = done = 0
    while done < rounds:
        world = DelayedWorld(delay)
        channels += 1
        for _ in range(min(ROUNDS_PER_CHANNEL, rounds - done)):
            start = world.time
            hash_ = begin_round(world, done, with_key=done % 2 == 1)
            done += 1
            if hash_ is not None:
                world.run(lambda: world.has_ended(hash_), PATIENCE_SECONDS)  # noqa: B023
                ended = world.client.concluded().get(hash_)
                if ended is not None and ended.result is Result.SETTLED:
                    taken.append(world.time - start)
            if world.is_left():
                left += 1
                break
        both += len(world.end())
    p99 = sorted(taken)[int(0.99 * (len(taken) - 1))]
    return Row(probability, done, both, done - both, channels, left, statistics.fmean(taken), p99)


# ---------------------------------------------------------------- beyond the paper


class Fate(Enum):
    """What happens to the sender of an instruction, in its stead."""

    SILENT = "falls silent for ever"
    CUT = "loses the connection"
    TWICE = "says it twice"


@dataclass(frozen=True, slots=True)
class Silence:
    """One round in which something happened at one instruction.

    instruction   number of the message of the round, from 0, and its kind
    """

    with_key: bool
    instruction: int
    kind: str
    fate: Fate
    paid: bool


class FatefulWorld(DelayedWorld):
    """A channel in which the n-th message meets its fate."""

    def __init__(self, instruction: int, fate: Fate) -> None:
        super().__init__(lambda: 0.0)
        self.kind = ""
        self._instruction = instruction
        self._fate = fate
        self._said = 0
        self._silent: set[Party] = set()

    def post(self, receiver: Actor, message: Message) -> None:
        """As ever, but for the one instruction."""
        sender = self.other(receiver)
        if sender.party in self._silent:
            return
        number, self._said = self._said, self._said + 1
        if number != self._instruction:
            super().post(receiver, message)
            return
        self.kind = type(message).__name__
        match self._fate:
            case Fate.SILENT:
                self._silent.add(sender.party)
            case Fate.CUT:
                self.at(self.time + 1.0, self.reconnect)
            case Fate.TWICE:
                super().post(receiver, message)
                super().post(receiver, message)
            case _:
                assert_never(self._fate)

    def end(self) -> set[bytes]:
        """Whoever fell silent stays so."""
        if self._silent:
            self.run(self.is_over, AGES_SECONDS)
        return super().end()


def silences() -> Iterator[Silence]:
    """Every fate at every instruction of a round, in both modes.

    raises   InvariantBroken if any round ended with one of fee and ownership
    """
    for with_key in (False, True):
        for fate in Fate:
            for instruction in count():
                world = FatefulWorld(instruction, fate)
                hash_ = begin_round(world, 0, with_key=with_key)
                if hash_ is not None:
                    world.run(lambda: world.has_ended(hash_), PATIENCE_SECONDS)  # noqa: B023
                paid = world.end()
                if not world.kind:
                    break
                yield Silence(with_key, instruction, world.kind, fate, hash_ in paid)


# ---------------------------------------------------------------- what is shown


def main() -> None:
    parser = argparse.ArgumentParser(description="Atomicity of rounds under delays.")
    parser.add_argument("--rounds", type=int, default=1_000, help="at each probability")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [measure(each, arguments.rounds, arguments.seed) for each in PROBABILITIES]
    fates = list(silences())
    if arguments.json:
        fields = [asdict(row) | {"atomicity": row.atomicity} for row in rows]
        lines = [asdict(each) | {"fate": each.fate.value} for each in fates]
        sys.stdout.write(json.dumps({"delays": fields, "silences": lines}, indent=1) + "\n")
        return
    sys.stdout.write(
        "delay  rounds    both  neither  atomic   left   mean s    p99 s\n"
        + "".join(
            f"{row.probability:5.1f} {row.rounds:7} {row.both:7} {row.neither:8} "
            f"{row.atomicity:7.1%} {row.left:6} {row.mean_seconds:8.2f} {row.p99_seconds:8.2f}\n"
            for row in rows
        )
        + "\nmode    instruction            fate                     fee and ownership\n"
        + "".join(
            f"{'key' if each.with_key else 'number':7} {each.instruction} {each.kind:20} "
            f"{each.fate.value:24} {'both' if each.paid else 'neither'}\n"
            for each in fates
        )
    )


if __name__ == "__main__":
    main()

"""What a coordinator lays out is limited, whoever asks. (CO-9)"""

from __future__ import annotations

from handfast.coordinator.allowance import Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_opinion_a_client_and_all_clients_have_a_limit_each() -> None:
    allowance = Allowance(10, 15, 30, 60.0, Clock())
    assert allowance.permits(1, 10)
    assert not allowance.permits(1, 11)
    allowance.spend(1, 10)
    assert allowance.permits(1, 5)
    assert not allowance.permits(1, 6)
    allowance.spend(2, 10)
    # Who makes up a third client gets no more than is left.
    assert allowance.permits(3, 10)
    allowance.spend(3, 10)
    assert not allowance.permits(4, 1)


def test_each_period_begins_anew() -> None:
    clock = Clock()
    allowance = Allowance(10, 10, 10, 60.0, clock)
    allowance.spend(1, 10)
    clock.now = 59.0
    assert not allowance.permits(2, 1)
    clock.now = 60.0
    assert allowance.permits(1, 10)
    allowance.spend(1, 10)
    assert not allowance.permits(2, 1)

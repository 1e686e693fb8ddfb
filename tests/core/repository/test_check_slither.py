"""Every finding of Slither needs an answer, and every answer a finding."""

from __future__ import annotations

from scripts.check_slither import Answer, Finding, compare

TIMESTAMP = Finding("timestamp", "Town.close")
REENTRANCY = Finding("reentrancy-eth", "Town.pay")


def test_accepts_findings_that_are_answered() -> None:
    answers = [Answer("timestamp", "*", "hours"), Answer("reentrancy-*", "Town.pay", "guarded")]
    assert compare([TIMESTAMP, REENTRANCY], answers) == []


def test_names_a_finding_without_an_answer() -> None:
    answers = [Answer("timestamp", "*", "hours"), Answer("timestamp", "Town.pay", "wrong")]
    assert compare([TIMESTAMP, REENTRANCY], answers) == [
        "not answered: reentrancy-eth at Town.pay",
        "no longer found: timestamp at Town.pay",
    ]


def test_an_answer_is_for_its_detector_alone() -> None:
    assert compare([TIMESTAMP], [Answer("reentrancy-*", "*", "guarded")]) == [
        "not answered: timestamp at Town.close",
        "no longer found: reentrancy-* at *",
    ]

"""What a town's report says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from handfast.town.pictures import draw_images, draw_scores
from handfast.town.report import Check, Report, Round, Standing


def bought(number: int, provider: str, satisfied: bool | None, image: Path) -> Round:
    name = f"0x{number:064x}"
    return Round(number, "Eve", provider, "a two", 10, 0.5, satisfied, 0.9, str(image), name)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    image = tmp_path / "two.png"
    Image.new("L", (28, 28), 128).save(image)
    verdicts = [("Ada", True), ("Ada", True), ("Ben", None), ("Ada", False), ("Ben", True)]
    rounds = [bought(i, name, said, image) for i, (name, said) in enumerate(verdicts, 1)]
    standings = [Standing(2, 1, {"Ada": 900}), Standing(5, 2, {"Ada": 600, "Ben": 700})]
    checks = [Check("sound", True, "all of it")]
    gas = {"open": [10, 20], "claim": [90], "never": []}
    return Report(2.5, rounds, 2, standings, gas, checks)


def test_rows_tell_who_earned_what_before_and_after_the_turn(report: Report) -> None:
    ben, ada = report.rows()
    assert (ben.name, ben.before, ben.after, ben.earned, ben.satisfied) == ("Ben", 0, 2, 20, 1.0)
    assert (ada.before, ada.after, ada.earned, ada.best, ada.score) == (2, 1, 30, 900, 600)
    assert ada.satisfied == pytest.approx(2 / 3)


def test_a_provider_that_sold_nothing_has_a_row_by_its_score(report: Report) -> None:
    standings = [Standing(5, 2, {"Cleo": 500})]
    rows = {row.name: row for row in replace(report, standings=standings).rows()}
    assert (rows["Cleo"].earned, rows["Cleo"].satisfied) == (0, None)


def test_gas_is_shown_dearest_first_and_only_for_what_happened(report: Report) -> None:
    assert report.gas_rows() == [("claim", 1, 90), ("open", 2, 15)]


def test_one_check_that_did_not_hold_fails_the_report(report: Report) -> None:
    assert report.passed
    broken = replace(report, checks=[*report.checks, Check("money", False, "1 unit")])
    assert not broken.passed
    assert broken.json()["passed"] is False


def test_pictures_are_drawn(report: Report, tmp_path: Path) -> None:
    draw_images(report.rounds, tmp_path / "images.png")
    draw_scores(report, tmp_path / "scores.png")
    for name, width in (("images.png", 960), ("scores.png", 1_080)):
        with Image.open(tmp_path / name) as picture:
            assert picture.width == width
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 5

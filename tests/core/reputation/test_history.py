"""Scores of a CSV file: every way to write an opinion, every way to get it wrong."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from handfast.cli import main
from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE, SENSITIVITY
from handfast.reputation.batches import apply_opinions, apply_scores
from handfast.reputation.history import (
    MAX_FEE,
    History,
    neutral_scores,
    parse_share,
    personal_scores,
    read_history,
)
from handfast.reputation.rules import Pair
from handfast.reputation.state import State
from tests.core.reputation import oracle
from tests.core.reputation.oracle import Opinion, pair_of
from tests.core.reputation.test_state import entries_of

HEADER = "client,provider,satisfied,fee,epoch\n"


def read(text: str, present: int = 9) -> History:
    return read_history(io.StringIO(text, newline=""), present)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "ann,bob,1,5,2\n",
        "ann,bob,1,5,2",
        HEADER.upper().replace("\n", "\r\n") + "ann,bob,TRUE,5,2\r\n\r\n",
        '"client","provider","satisfied","fee","epoch"\n"ann","bob","yes","5","2"\n\n',
        "ann, bob, Yes , 05 , 2 \n",
    ],
)
def test_the_same_opinion_in_other_spelling_is_the_same(text: str) -> None:
    assert read(text) == {"bob": {"ann": Pair(1, 0, 2, 5, 0, 0)}}


def test_ids_are_any_text() -> None:
    text = '"a,b","line\nbreak",0,1,0\nü,"say ""hi""",no,1,0\n1,01,false,1,0\n'
    assert read(text) == {
        "line\nbreak": {"a,b": Pair(0, 1, 0, 1)},
        'say "hi"': {"ü": Pair(0, 1, 0, 1)},
        "01": {"1": Pair(0, 1, 0, 1)},
    }


def test_opinions_of_a_pair_are_joined_in_the_order_of_arrival() -> None:
    text = "a,p,1,5,0\nb,p,0,3,2\na,p,0,7,1\na,p,1,9,1\n"
    assert read(text)["p"]["a"] == pair_of(
        [Opinion(True, 5, 0), Opinion(False, 7, 1), Opinion(True, 9, 1)]
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ann,bob,1,5", "4 fields"),
        ("ann,bob,1,5,2,3", "6 fields"),
        ("ann,bob,2,5,2", "satisfied"),
        ("ann,bob,,5,2", "satisfied"),
        ("ann,bob,1,0,2", "fee"),
        ("ann,bob,1,-5,2", "fee"),
        ("ann,bob,1,5.0,2", "fee"),
        ("ann,bob,1,5e3,2", "fee"),
        ("ann,bob,1,٥,2", "fee"),
        ("ann,bob,1,,2", "fee"),
        (f"ann,bob,1,{MAX_FEE + 1},2", "fee"),
        (f"ann,bob,1,{'9' * 5000},2", "fee"),
        ("ann,bob,1,5,-1", "epoch"),
        ("ann,bob,1,5,x", "epoch"),
        ("ann,bob,1,5,", "epoch"),
        ("ann,bob,1,5,10", "epoch 10 is after 9"),
        ("old,bob,1,5,6", "epoch 6 is before 7"),
        (",bob,1,5,2", "name"),
        ("ann,,1,5,2", "name"),
        ('ann,"bob"x,1,5,2', "expected"),
        (HEADER.strip(), "satisfied"),
    ],
)
def test_what_is_no_opinion_is_refused_with_its_line(line: str, complaint: str) -> None:
    text = HEADER + "old,bob,1,5,7\n\n" + line + "\n"
    with pytest.raises(InvalidInput, match=r"^line 4: ") as refused:
        read(text)
    assert complaint in str(refused.value)


def test_another_pair_may_be_late() -> None:
    """Only within a pair do epochs follow the order of arrival."""
    assert set(read("a,p,1,5,7\nb,p,1,5,3\na,q,1,5,2\n")["p"]) == {"a", "b"}


# ---------------------------------------------------------------- scoring

drawn = st.lists(
    st.tuples(
        st.integers(1, 4), st.integers(11, 16), st.just(1), st.integers(1, 99), st.booleans()
    ),
    min_size=1,
    max_size=40,
)


@given(st.lists(drawn, min_size=1, max_size=3))
def test_a_file_scores_as_the_roll_up_does(
    days: list[list[tuple[int, int, int, int, bool]]],
) -> None:
    state, lines = State(), []
    for epoch, rows in enumerate(days, start=1):
        entries = entries_of(state, rows)
        apply_opinions(state, entries, epoch, registered=16)
        lines += [f"{c},{p},{int(ok)},{fee},{epoch}\n" for p, c, _, fee, ok in entries]
        rated = {str(entry.provider) for entry in entries}
        apply_scores(state, epoch)
        scores = neutral_scores(read("".join(lines)), epoch)
        assert {name: scores[name] for name in rated} == {
            name: state.leaf(int(name)).score for name in rated
        }


def test_fees_of_any_unit_give_real_scores() -> None:
    """Wei as well as units; far above what the roll-up takes, within 1e-6 all the same."""
    provider = [
        [Opinion(True, 3 * 10**18, 0), Opinion(False, 5 * 10**37, 4), Opinion(True, 10**18, 900)],
        [Opinion(False, 1, 700), Opinion(False, 2, 1_000), Opinion(False, 1, 1_000)],
    ]
    lines = [
        f"{name},p,{int(satisfied)},{fee},{epoch}\n"
        for name, history in zip("ab", provider, strict=True)
        for satisfied, fee, epoch in history
    ]
    (score,) = neutral_scores(read("".join(lines), 1_000), 1_000).values()
    real = oracle.neutral(provider, 1_000)
    assert all(
        abs(Decimal(mine) / SCALE - theirs) < Decimal("1e-6")
        for mine, theirs in zip(score, real, strict=True)
    )


def test_a_client_that_is_not_there_has_no_opinion_of_its_own() -> None:
    history = read("a,p,1,5,0\na,p,1,5,0\nb,p,0,3,2\n")
    (neutral,) = neutral_scores(history, 2).values()
    (stranger,) = personal_scores(history, 2, "nobody", 0).values()
    assert (stranger.s, stranger.u, stranger.c) == (neutral.s, 0, neutral.c)
    (own,) = personal_scores(history, 2, "a", 0).values()
    assert own != stranger


@pytest.mark.parametrize(
    ("text", "share"),
    [("0", 0), ("1", SCALE), ("0.3", 300_000_000), ("1e-9", 1), ("0.1234567899", 123_456_789)],
)
def test_a_share_is_parsed_without_rounding_through_floats(text: str, share: int) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["", "x", "-0.1", "1.0000001", "NaN", "Infinity", "1/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_share(text)


# ---------------------------------------------------------------- the command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "opinions.csv"
    rows = "a,[bold]p,1,5,0\r\na,[bold]p,0,5,1\r\nb,[bold]p,1,5,1\r\nb,q,yes,7,1\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + rows).encode())
    return path


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    command = ["reputation", "score", *map(str, arguments)]
    return CliRunner().invoke(main, command, input=stdin)


def test_the_command_prints_every_provider_as_json(file: Path) -> None:
    result = run(file, "--epoch", "1", "--json")
    assert result.exit_code == 0
    scores = json.loads(result.output)
    assert list(scores) == ["[bold]p", "q"]
    assert scores["q"] == {"s": 0.0, "u": 0.0, "c": 1.0, "score": 0.5}
    first = neutral_scores(read_history(file.open(encoding="utf-8-sig"), 1), 1)["[bold]p"]
    assert scores["[bold]p"] == {
        "s": first.s / SCALE,
        "u": first.u / SCALE,
        "c": first.c / SCALE,
        "score": first.score / SCALE,
    }


def test_the_command_scores_for_a_client(file: Path) -> None:
    history = read_history(file.open(encoding="utf-8-sig"), 1)
    for options, sensitivity in (([], SENSITIVITY), (["--sensitivity", "0.25"], SCALE // 4)):
        result = run(file, "--epoch", "1", "--client", "a", *options, "--json")
        expected = personal_scores(history, 1, "a", sensitivity)
        assert {name: shown["score"] for name, shown in json.loads(result.output).items()} == {
            name: score.score / SCALE for name, score in expected.items()
        }


def test_the_command_shows_a_table_best_first(file: Path) -> None:
    worse = file.read_bytes() + b"b,q,no,7,1\r\n" * 2
    result = run("-", "--epoch", "1", stdin=worse)
    assert result.exit_code == 0
    assert result.output.index("[bold]p") < result.output.index("│ q ")
    better = file.read_bytes() + b"b,q,yes,7,1\r\n" * 2
    result = run("-", "--epoch", "1", stdin=better)
    assert result.output.index("│ q ") < result.output.index("[bold]p")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--epoch", "0"], "line 3: epoch 1 is after 0"),
        (["--epoch", "1", "--sensitivity", "0.5"], "--client"),
        (["--epoch", "1", "--client", "a", "--sensitivity", "2"], "--sensitivity: 2 is not"),
    ],
)
def test_the_command_fails_with_one_clear_line(
    file: Path, arguments: list[str], complaint: str
) -> None:
    result = run(file, *arguments)
    assert result.exit_code == 2
    assert complaint in result.output
    assert len(result.output.splitlines()) == 1


def test_the_command_names_a_file_that_is_not_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "binary.csv"
    path.write_bytes(b"a,p,1,5,0\n\xff\xfe,p,1,5,0\n")
    assert "not UTF-8" in run(path, "--epoch", "1").output
    assert "absent.csv: No such file" in run(tmp_path / "absent.csv", "--epoch", "1").output

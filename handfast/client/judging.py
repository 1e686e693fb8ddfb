"""How a client comes to its verdict, named in one line of text. (SPEC PR-8)"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from handfast.errors import InvalidInput
from handfast.inference.adapters import load
from handfast.inference.judge import Verdict, judge

Judge = Callable[[bytes, str], Awaitable[Verdict | None]]
"""Content and prompt to a verdict; None if there is none."""

DEFAULT_STRICTNESS = 0.5


def open_judge(name: str) -> Judge:
    """Open the judge of this name:

        digits, digits@0.8             the classifier of handwritten digits, with a strictness
        python:package.module:function a callable (content: bytes, prompt: str) to bool or None
        none                           no verdicts, so no opinions

    raises   InvalidInput if it names no such judge
    """
    kind, _, rest = name.partition(":")
    if kind == "python":
        return _of_callable(rest)
    head, _, strictness = name.partition("@")
    if head == "digits":
        return _of_digits(strictness)
    if name == "none":
        return _nothing
    raise InvalidInput(f"no judge {name!r}: use digits, digits@0.8, python:module:function or none")


def _of_digits(text: str) -> Judge:
    try:
        strictness = float(text) if text else DEFAULT_STRICTNESS
    except ValueError:
        raise InvalidInput(f"strictness {text!r} is no number") from None
    if not 0 <= strictness <= 1:
        raise InvalidInput(f"strictness is {strictness}, must be from 0 to 1")

    async def digits(content: bytes, prompt: str) -> Verdict | None:
        try:
            return await asyncio.to_thread(judge, content, prompt, strictness)
        except InvalidInput:  # the prompt asks for no digit: nothing to say
            return None

    return digits


def _of_callable(target: str) -> Judge:
    function: Callable[..., Any] = load(target)

    async def call(content: bytes, prompt: str) -> Verdict | None:
        if inspect.iscoroutinefunction(function):
            work = asyncio.ensure_future(function(content, prompt))
        else:
            work = asyncio.ensure_future(asyncio.to_thread(function, content, prompt))
        await asyncio.wait({work})
        error = work.exception()
        if error is not None:  # the user's code; the round is paid whatever it does
            raise InvalidInput(f"judge {target} failed: {error!r}") from error
        said = work.result()
        return said if isinstance(said, Verdict) or said is None else Verdict(bool(said), 1.0)

    return call


async def _nothing(_content: bytes, _prompt: str) -> Verdict | None:
    return None

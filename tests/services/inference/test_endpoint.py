"""Models behind HTTP, against a real server in its own process. (SPEC INF-6, INF-7)"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.inference.adapters import KEY_VARIABLE, open_generator
from handfast.inference.endpoint import EndpointGenerator, Format
from handfast.inference.generation import Generation
from handfast.inference.judge import judge

KEY = "s3cret"
FORMATS: tuple[Format, ...] = ("images", "chat")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a running model server."""
    script = Path(__file__).with_name("model_server.py")
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


def ask(generator: EndpointGenerator, prompt: str = "a seven", seed: int = 1) -> Generation:
    return asyncio.run(generator.generate(prompt, seed))


def at(server: str, behaviour: str, form: Format) -> EndpointGenerator:
    return EndpointGenerator(f"{server}/{behaviour}/v1", form, timeout=30)


def test_an_image_comes_back_as_its_bytes(server: str) -> None:
    made = ask(at(server, "honest", "images"))
    assert made.media_type == "image/png"
    assert judge(made.content, "a seven", 0.5).satisfied


def test_a_chat_gets_prompt_model_and_seed(server: str) -> None:
    made = ask(replace(at(server, "honest", "chat"), model="tiny"), "Hello, wörld", seed=2**64 - 1)
    assert made.media_type == "text/plain; charset=utf-8"
    assert json.loads(made.content) == {
        "heard": [{"role": "user", "content": "Hello, wörld"}],
        "model": "tiny",
        "seed": 2**31 - 1,
        "query": "",
    }


def test_modality_follows_from_the_format(server: str) -> None:
    assert [at(server, "honest", form).modality for form in FORMATS] == ["image", "text"]


def test_many_requests_run_side_by_side(server: str) -> None:
    async def ask_all() -> list[Generation]:
        generator = at(server, "honest", "images")
        return await asyncio.gather(*(generator.generate(str(i % 10), i) for i in range(20)))

    assert len({made.content for made in asyncio.run(ask_all())}) == 10


@pytest.mark.parametrize("behaviour", ["slow", "trickle"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_slow_answer_is_given_up(server: str, behaviour: str, form: Format) -> None:
    with pytest.raises(Unavailable, match=r"did not answer in 0\.3 s"):
        ask(replace(at(server, behaviour, form), timeout=0.3))


@pytest.mark.parametrize("form", FORMATS)
def test_an_endless_answer_is_cut_at_the_limit(server: str, form: Format) -> None:
    with pytest.raises(Rejected) as refusal:
        ask(replace(at(server, "endless", form), max_bytes=1024 * 1024))
    assert refusal.value.reason == "answer_too_large"


def test_content_over_the_limit_is_refused(server: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ask(replace(at(server, "honest", "images"), max_bytes=100))
    assert refusal.value.reason == "answer_too_large"


def test_a_compressed_answer_is_never_inflated(server: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ask(at(server, "bomb", "images"))
    assert refusal.value.reason == "malformed_answer"


@pytest.mark.parametrize(
    "behaviour",
    [
        "no-json",
        "binary",
        "nested",
        "empty",
        "null",
        "list",
        "no-data",
        "number",
        "url",
        "no-base64",
        "no-ascii",
        "no-image",
    ],
)
def test_a_malformed_image_answer_is_refused(server: str, behaviour: str) -> None:
    with pytest.raises(Rejected, match="malformed") as refusal:
        ask(at(server, behaviour, "images"))
    assert refusal.value.reason == "malformed_answer"


@pytest.mark.parametrize(
    "behaviour",
    ["no-json", "binary", "nested", "empty", "null", "list", "no-data", "number", "no-text"],
)
def test_a_malformed_chat_answer_is_refused(server: str, behaviour: str) -> None:
    with pytest.raises(Rejected, match="malformed") as refusal:
        ask(at(server, behaviour, "chat"))
    assert refusal.value.reason == "malformed_answer"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_or_failing_endpoint_may_be_asked_again(server: str, status: int) -> None:
    with pytest.raises(Unavailable, match=f"status {status}"):
        ask(at(server, str(status), "images"))


@pytest.mark.parametrize("status", [204, 400, 403, 404])
def test_a_refusal_is_passed_on_with_its_status(server: str, status: int) -> None:
    with pytest.raises(Rejected) as refusal:
        ask(at(server, str(status), "chat"))
    assert refusal.value.reason == f"status_{status}"


def test_a_redirect_is_not_followed(server: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ask(at(server, "redirect", "images"))
    assert refusal.value.reason == "status_307"


def test_an_answer_cut_off_half_way_is_unavailable(server: str) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(at(server, "cut", "images"))


def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(EndpointGenerator("http://127.0.0.1:1/v1", "images"))


def test_the_key_comes_from_the_environment(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected, match="status 401"):
        asyncio.run(open_generator(f"chat:{server}/locked/v1").generate("hello", 1))
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    made = asyncio.run(open_generator(f"chat:{server}/locked/v1#tiny").generate("hello", 1))
    assert json.loads(made.content)["model"] == "tiny"


def test_the_key_shows_in_no_log_no_error_and_no_repr(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    """INF-7: even where the endpoint sends it back."""
    generator = replace(at(server, "403", "images"), key=KEY)
    with caplog.at_level(logging.DEBUG), pytest.raises(Rejected) as refusal:
        ask(generator)
    shown = [caplog.text, str(refusal.value), refusal.value.reason, repr(generator)]
    assert not any(KEY in text for text in shown)


def test_the_key_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(InvalidInput, match="https"):
        EndpointGenerator("http://models.example/v1", "images", key=KEY)
    EndpointGenerator("https://models.example/v1", "images", key=KEY)
    EndpointGenerator("http://[::1]:8080/v1", "images", key=KEY)


@pytest.mark.parametrize("key", ["s3cret\n", "s3 cret", "s\u00e9cret"])
def test_refuses_a_key_that_no_header_carries_without_showing_it(key: str) -> None:
    with pytest.raises(InvalidInput, match="the key has") as fault:
        EndpointGenerator("https://models.example/v1", "images", key=key)
    assert "cret" not in str(fault.value)


def test_refuses_a_password_in_the_address_without_showing_it() -> None:
    with pytest.raises(InvalidInput, match="holds a password") as fault:
        EndpointGenerator("https://me:s3cret@models.example/v1", "images")
    assert KEY not in str(fault.value)


def test_keeps_the_query_of_the_address(server: str) -> None:
    generator = EndpointGenerator(f"{server}/honest/v1/?api-version=7", "chat")
    assert json.loads(ask(generator).content)["query"] == "api-version=7"


@pytest.mark.parametrize(
    "base", ["", "localhost:8080", "ftp://models.example", "http://", "http://[x"]
)
def test_refuses_what_is_no_address(base: str) -> None:
    with pytest.raises(InvalidInput, match="URL"):
        EndpointGenerator(base, "images")

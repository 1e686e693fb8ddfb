"""The client's judge. (SPEC INF-4)"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from handfast.errors import InvalidInput
from handfast.inference.digits import PRESETS, draw, draw_batch
from handfast.inference.images import MAX_SIDE, decode_digit, encode_png
from handfast.inference.judge import Verdict, confidences, judge
from training import mnist

SEVEN = encode_png(draw(7, seed=1))


def test_is_satisfied_by_the_digit_that_was_asked_for() -> None:
    verdict = judge(SEVEN, "a seven", strictness=0.5)
    assert verdict.satisfied
    assert 0.5 <= verdict.confidence <= 1


def test_is_not_satisfied_by_another_digit() -> None:
    verdict = judge(SEVEN, "a three", strictness=0)
    assert not verdict.satisfied
    assert verdict.confidence < 0.1


def test_a_stricter_client_wants_more_confidence() -> None:
    blurred = encode_png(draw(7, 1, replace(PRESETS["fine"], noise=0.3)))
    confidence = judge(blurred, "7", 0).confidence
    assert judge(blurred, "7", confidence).satisfied
    assert not judge(blurred, "7", min(1.0, confidence + 0.01)).satisfied


def test_confidence_falls_as_noise_rises() -> None:
    def mean_confidence(noise: float) -> float:
        drawn = draw_batch(range(10), range(10), replace(PRESETS["fine"], noise=noise))
        return float(confidences(drawn)[range(10), range(10)].mean())

    spoilt = [mean_confidence(noise) for noise in (0.0, 0.2, 0.4, 0.8)]
    assert spoilt == sorted(spoilt, reverse=True)
    assert spoilt[0] - spoilt[-1] > 0.4


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"a seven", id="text"),
        pytest.param(SEVEN[:60], id="cut off"),
        pytest.param(SEVEN[:40] + b"\x00" + SEVEN[41:], id="damaged"),
        pytest.param(b"GIF89a" + bytes(100), id="another format"),
    ],
)
def test_what_is_no_readable_png_does_not_satisfy(content: bytes) -> None:
    assert judge(content, "7", 0) == Verdict(satisfied=False, confidence=0.0)


@pytest.mark.parametrize("side", [MAX_SIDE + 1, 100_000])
def test_an_image_too_large_to_decode_does_not_satisfy(side: int) -> None:
    """Its header alone says so, and nothing is decoded."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = SEVEN[:12] + header + struct.pack(">I", zlib.crc32(header)) + SEVEN[33:]
    assert judge(bomb, "7", 0) == Verdict(satisfied=False, confidence=0.0)
    with pytest.raises(InvalidInput, match=r"over 2048|not a readable PNG"):
        decode_digit(bomb)


def test_a_larger_coloured_picture_is_read_too() -> None:
    stream = io.BytesIO()
    Image.fromarray(draw(7, seed=1)).convert("RGBA").resize((280, 280)).save(stream, format="PNG")
    assert judge(stream.getvalue(), "7", 0.5).satisfied


@pytest.mark.parametrize("pixels", [np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
def test_an_even_picture_reads_as_no_digit(pixels: np.ndarray) -> None:
    assert confidences(pixels[None])[0, :10].max() < 0.5


def test_reads_real_digits_that_it_never_saw() -> None:
    held_out = mnist.held_out()
    pixels = np.rint(held_out.images[:1000] * 255).astype(np.uint8)
    read = confidences(pixels)
    assert (read[:, :10].argmax(axis=1) == held_out.labels[:1000]).mean() > 0.97


def test_never_saw_what_the_generator_learned_from() -> None:
    splits = (
        mnist.generator_split(),
        mnist.judge_split(),
        mnist.examiner_split(),
        mnist.held_out(),
    )
    seen = [{image.tobytes() for image in split.images} for split in splits]
    assert len(set().union(*seen)) == sum(map(len, seen)) == 70_000


@pytest.mark.parametrize("strictness", [-0.1, 1.1, float("nan")])
def test_refuses_a_strictness_out_of_range(strictness: float) -> None:
    with pytest.raises(InvalidInput, match="strictness"):
        judge(SEVEN, "7", strictness)


def test_refuses_a_prompt_that_asks_for_no_digit() -> None:
    with pytest.raises(InvalidInput, match="cannot draw 'cat'"):
        judge(SEVEN, "a cat", 0.5)

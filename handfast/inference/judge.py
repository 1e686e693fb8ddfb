"""Whether an image is what its prompt asked for: the client's own opinion, from its own classifier.

The classifier has never seen what the generator learned from. Besides the ten digits it knows an
eleventh class, "no digit", into which noise, blur, blends and scraps fall by degrees: its
confidence in the digit falls with the quality of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handfast.errors import InvalidInput
from handfast.inference.images import Pixels, decode_digit
from handfast.inference.network import DIGITS, logits
from handfast.inference.prompts import parse_digit
from handfast.inference.weights import weights


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says: satisfied or not, and its confidence in the digit asked for, 0 to 1."""

    satisfied: bool
    confidence: float


def judge(content: bytes, prompt: str, strictness: float) -> Verdict:
    """Judge a delivered PNG. What cannot be read as PNG does not satisfy, with no confidence.

    strictness  0 to 1: the least confidence that satisfies; at 0, whatever reads more like the
                digit asked for than like another
    raises      InvalidInput if the prompt asks for no digit or strictness is out of range
    """
    if not 0 <= strictness <= 1:
        raise InvalidInput(f"strictness is {strictness}, must be from 0 to 1")
    digit = parse_digit(prompt)
    try:
        pixels = decode_digit(content)
    except InvalidInput:
        return Verdict(satisfied=False, confidence=0.0)
    shares = confidences(pixels[None])[0]
    confidence = float(shares[digit])
    reads_as_asked = int(shares[:DIGITS].argmax()) == digit
    return Verdict(reads_as_asked and confidence >= strictness, confidence)


def confidences(digits: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Read images (n, 28, 28): the share of belief in each digit and in none, (n, DIGITS + 1)."""
    rated = logits(weights("judge"), digits.astype(np.float32) / np.float32(255), np)
    raised = np.exp(rated - rated.max(axis=1, keepdims=True))
    shares: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = raised / raised.sum(
        axis=1, keepdims=True
    )
    return shares

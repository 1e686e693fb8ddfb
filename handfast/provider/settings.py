"""What a provider is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handfast.process import ProcessSettings, TimingSettings
from handfast.protocol.constants import FEE_UNIT, LockMode

ModeName = Literal["client-number", "key-release"]

MODES: dict[str, LockMode] = {
    "client-number": LockMode.CLIENT_NUMBER,
    "key-release": LockMode.KEY_RELEASE,
}


class ProviderSettings(ProcessSettings):
    """Settings of `handfast provider run`.

    host, port   to listen on; port 0 takes a free one
    model        see `handfast.inference.adapters.open_generator`
    modality     of a model that does not know it itself
    fee          of a round, in smallest units of MarketToken: a multiple of FEE_UNIT
    modes        of locks that are taken
    challenge    least and greatest challenge period of a channel, seconds
    """

    host: str = "127.0.0.1"
    port: int = Field(8700, ge=0, le=65_535)
    model: str = "digits"
    modality: str = "image"
    fee: int = Field(10**15, gt=0, multiple_of=FEE_UNIT)
    modes: tuple[ModeName, ...] = ("client-number", "key-release")
    challenge: tuple[int, int] = (60, 30 * 86_400)
    patience: int = 60
    open_rounds: int = 64
    unpaid: int = 3
    timing: TimingSettings = TimingSettings()

"""What a client is told."""

from __future__ import annotations

from pydantic import Field

from handfast.process import ProcessSettings, TimingSettings
from handfast.protocol.constants import FEE_UNIT
from handfast.provider.settings import ModeName


class ClientSettings(ProcessSettings):
    """Settings of `handfast client`.

    coordinators      URLs; asked in this order for scores, and brought opinions to
    modality          of what is bought
    max_fee           most that is paid for a round, in smallest units of MarketToken
    mode              of locks
    judge             see `handfast.client.judging.open_judge`
    temperature       of the draw among providers; none: the best score first
    deposit           of a new channel, and of a top-up, in smallest units
    challenge_period  of a new channel, seconds
    patience          seconds for an answer of a provider, and for its product
    """

    coordinators: tuple[str, ...] = ()
    modality: str = "image"
    max_fee: int = Field(10**16, gt=0, multiple_of=FEE_UNIT)
    mode: ModeName = "client-number"
    judge: str = "digits"
    temperature: float | None = Field(None, gt=0)
    deposit: int = Field(10**17, gt=0)
    challenge_period: int = 3_600
    patience: tuple[float, float] = (5.0, 60.0)
    timing: TimingSettings = TimingSettings()

"""What a coordinator is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from handfast.coordinator.rules import Pace
from handfast.process import ProcessSettings
from handfast.serving import Limits
from handfast.settings import Table

Count = Annotated[int, Field(gt=0)]
Amount = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


class LimitSettings(Table):
    """What strangers may ask: see `handfast.serving.Limits`."""

    body: Count = 1 << 20
    connections: Count = 1_000
    requests: Count = 200
    rate: Annotated[float, Field(gt=0)] = 100.0
    burst: Count = 200
    patience: Seconds = 10.0
    idle: Seconds = 60.0

    def limits(self) -> Limits:
        """The same, for the server."""
        return Limits(**self.model_dump())


class BatchSettings(Table):
    """When a batch is worth its gas: see `handfast.coordinator.rules.Pace`."""

    count: Count = 1_000
    age: Annotated[float, Field(ge=0)] = 30.0
    rows: Count = 1_000

    def pace(self) -> Pace:
        """The same, for the rules."""
        return Pace(**self.model_dump())


class LevySettings(Table):
    """Levy that is laid out, in FEE_UNIT: see `handfast.coordinator.allowance`.

    period   seconds to which `per_client` and `total` apply
    """

    per_opinion: Count = 10**6
    per_client: Count = 10**7
    total: Count = 10**9
    period: Seconds = 3_600.0


class CoordinatorSettings(ProcessSettings):
    """Settings of `handfast coordinator run`.

    host, port   to listen on; port 0 takes a free one
    database     URL of the database; without one, a SQLite file in the data folder
    deposit      smallest units of MarketToken to which the deposit for bonds is filled up
    waiting      opinions in no batch, beyond which none is accepted
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8800
    database: str | None = None
    deposit: Amount = 10**22
    waiting: Count = 1_000_000
    batch: BatchSettings = BatchSettings()
    levy: LevySettings = LevySettings()
    limits: LimitSettings = LimitSettings()

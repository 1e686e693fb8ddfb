"""What sellers, buyers and readers of the market are told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from handfast.process import ProcessSettings


class TraderSettings(ProcessSettings):
    """Settings of `handfast market`, the same for sellers and buyers.

    host, port   where `handfast market sell` serves bundles; port 0 takes a free one
    """

    host: str = "127.0.0.1"
    port: int = Field(8710, ge=0, le=65_535)


class ReadSettings(TraderSettings):
    """Settings of commands that only look, and need neither key nor data."""

    data: Path = Path()

"""What sellers, buyers and readers of the market are told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from handfast.chain import deployment as deployments
from handfast.process import ProcessSettings
from handfast.settings import Settings


class ReadSettings(Settings):
    """Settings of commands that only look: see `ProcessSettings`."""

    rpc: str = "http://127.0.0.1:8545"
    deployments: Path = deployments.FOLDER
    confirmations: int = 1


class SellerSettings(ProcessSettings):
    """Settings of `handfast market sell`.

    host, port   to serve bundles on; port 0 takes a free one
    """

    host: str = "127.0.0.1"
    port: int = Field(8710, ge=0, le=65_535)

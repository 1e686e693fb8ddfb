"""The provider's end of a channel: it follows, and agrees to what takes nothing that it did not
offer.

`step` and `wake_at` are as in `handfast.channels.client`.
"""

from __future__ import annotations

from handfast.channels.provider.end import Granted, ProviderEnd, Selling, open_provider
from handfast.channels.provider.transition import step, wake_at

__all__ = ["Granted", "ProviderEnd", "Selling", "open_provider", "step", "wake_at"]

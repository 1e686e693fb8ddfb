"""The client's end of a channel: it leads, so it alone decides what to propose and when.

`step` is the whole of it: an end and an input give the end after it and the effects to perform.
`wake_at` tells when the next `Tick` is due. Both are pure: signing, sending and waiting are the
caller's. An input that changes nothing gives back the very same end.
"""

from __future__ import annotations

from handfast.channels.client.end import ClientEnd, Round, Stage, open_client
from handfast.channels.client.transition import step, wake_at

__all__ = ["ClientEnd", "Round", "Stage", "open_client", "step", "wake_at"]

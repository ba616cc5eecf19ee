"""Count the mel frames that forwarded batches tell of any second, apart from the bridge.

A frame counts once, at the time under which it was told first: context is told again with every
batch, and a resend may name another time. The time of a clock that is not synced means nothing.
What the bridge's own guard thinks is not asked.
"""

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from schemas.messages import FRAMES_PER_READING, MEL_BANDS, NO_FRAME

_FRAME_S: Final = 1 / FRAMES_PER_READING
_SECOND_S: Final = 0.98
"""A little less, for clocks slewed by 500 ppm; nine frames an eighth apart begin in 1 s."""
_SILENT: Final = bytes([NO_FRAME]) * MEL_BANDS


class Witness:
    """What one device has told."""

    def __init__(self) -> None:
        self._frames: dict[bytes, float] = {}

    def hears(self, batch: Mapping[str, Any]) -> None:
        """Take a forwarded `features` batch, as JSON has it."""
        if batch.get("mel") is None or batch["clock"] != "synced":
            return
        codes = b64decode(batch["mel"]["codes"].replace("-", "+").replace("_", "/"))
        began_s = datetime.fromisoformat(batch["started_at"]).timestamp()
        for index in range(len(codes) // MEL_BANDS):
            frame = codes[index * MEL_BANDS : (index + 1) * MEL_BANDS]
            at_s = began_s + (index - batch["mel"]["context_frames"]) * _FRAME_S
            if frame != _SILENT:
                self._frames.setdefault(frame, at_s)

    def most(self) -> int:
        """How many frames the fullest second holds."""
        times = sorted(self._frames.values())
        most, first = 0, 0
        for last, at_s in enumerate(times):
            while at_s - times[first] > _SECOND_S:
                first += 1
            most = max(most, last - first + 1)
        return most

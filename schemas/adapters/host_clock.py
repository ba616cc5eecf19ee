"""Whether this computer knows the time."""

import ctypes
from pathlib import Path
from typing import Final

_SYNCED_MARK: Final = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES: Final = 512  # more than any kernel's struct timex; zeros ask and change nothing
_TIME_ERROR: Final = 5


def has_met_a_time_server() -> bool:
    """Whether this computer's clock was set by a time server since it was switched on.

    Where the kernel does not say, as in a container, the clock is the host's and taken as set.
    """
    if _SYNCED_MARK.exists():  # systemd-timesyncd, from the first time on
        return True
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except AttributeError:  # no Linux: nobody to ask
        return True
    return bool(state != _TIME_ERROR)

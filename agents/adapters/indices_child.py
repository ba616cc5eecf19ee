"""The short process that computes the indices of one minute.

Run: `python -m agents.adapters.indices_child RATE_HZ`, one minute of float32 samples on standard
input; the indices come as one JSON object. scikit-maad takes seconds and 200 MB to import, which
neither capture nor the agent's memory should pay for; nothing is written, the sound least of all.
"""

import os
import sys
from contextlib import suppress

import numpy as np
import orjson

from acoustics.indices import of_minute

_LOWEST_PRIORITY = 19


def main() -> None:
    """Compute, after everybody who is in a hurry."""
    with suppress(PermissionError):  # a sandbox may forbid even modesty
        os.nice(_LOWEST_PRIORITY)
    rate_hz = int(sys.argv[1])
    sound = np.frombuffer(sys.stdin.buffer.read(), np.float32)
    sys.stdout.buffer.write(orjson.dumps(of_minute(sound, rate_hz)._asdict()))


if __name__ == "__main__":
    main()

"""Third-octave levels over a span of any length at the same small cost: one second of each slice.

Spectra are of seconds, no window holds them.
"""

import math
from typing import Final, LiteralString

from records.levels import Spectrum
from records.reader import Reader
from records.spans import Span

_SAMPLES: Final[LiteralString] = """
SELECT slice_at AS started_at, third_octaves_db
FROM generate_series(
    %(begin)s::timestamptz, %(last)s::timestamptz, make_interval(secs => %(slice_s)s)
) AS slice_at
CROSS JOIN LATERAL (
    SELECT third_octaves_db FROM reading
    WHERE device = %(device)s AND started_at >= slice_at
      AND started_at < least(slice_at + make_interval(secs => %(slice_s)s), %(end)s)
      AND clock <> 'unsynced'
    ORDER BY started_at LIMIT 1
) AS first
ORDER BY slice_at
"""


def slice_s(span: Span, slices: int) -> int:
    """Whole seconds of a slice, where there are at most so many."""
    return max(1, math.ceil(span.seconds / slices))


def sampled(reader: Reader, device: str, span: Span, slices: int) -> list[Spectrum]:
    """The first second heard in each of at most so many slices, with the slice's begin.

    Of a span of at most so many seconds, that is every second.
    """
    asked = {
        "device": device,
        "begin": span.begin,
        "last": span.end - (span.end - span.begin).resolution,
        "end": span.end,
        "slice_s": slice_s(span, slices),
    }
    return reader.rows(_SAMPLES, asked, Spectrum)

"""Acoustic indices of minutes, thinned to what can be drawn: one minute of each step."""

from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader
from records.spans import Span


class Indices(NamedTuple):
    """Indices of one minute: `docs/indices.md`; None: not a number."""

    started_at: datetime
    aci: float | None
    adi: float | None
    aei: float | None
    bi: float | None
    h: float | None
    ndsi: float | None


MINUTE_S: Final = 60
_INDICES: Final[LiteralString] = """
SELECT step_at AS started_at, aci, adi, aei, bi, h, ndsi
FROM generate_series(
    %(begin)s::timestamptz, %(last)s::timestamptz, make_interval(secs => %(step_s)s)
) AS step_at
CROSS JOIN LATERAL (
    SELECT aci, adi, aei, bi, h, ndsi FROM indices
    WHERE device = %(device)s AND started_at >= step_at
      AND started_at < least(step_at + make_interval(secs => %(step_s)s), %(end)s)
    ORDER BY started_at LIMIT 1
) AS first
ORDER BY step_at
"""


def indices(reader: Reader, device: str, span: Span, steps: int) -> list[Indices]:
    """The first minute in each of at most so many steps, with the step's begin."""
    asked = {
        "device": device,
        "begin": span.begin,
        "last": span.end - (span.end - span.begin).resolution,
        "end": span.end,
        "step_s": step_s(span, steps),
    }
    return reader.rows(_INDICES, asked, Indices)


def step_s(span: Span, steps: int) -> int:
    """Length of a step, s: whole minutes."""
    return MINUTE_S * max(1, -int(-span.seconds // (MINUTE_S * steps)))

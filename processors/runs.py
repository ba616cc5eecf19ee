"""Runs of frames, when they were heard, and rule 2 of `privacy`: an instant belongs to one run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from schemas.errors import BadMessage
from schemas.messages import FRAMES_PER_READING

_SLEW: Final = 500e-6
_JITTER_S: Final = 0.02
_SHORTEST_FRAME_S: Final = (1 - _SLEW) / FRAMES_PER_READING
_LONGEST_FRAME_S: Final = (1 + _SLEW) / FRAMES_PER_READING


@dataclass(frozen=True, slots=True)
class Run:
    """Frames `first` to `end` (exclusive) of a session, all of them claimed.

    `starts_s` and `ends_s` are event time, s since the epoch; None if the clock was never synced.
    `head` and `tail` are the bytes of the first and the last frames; empty if none were sent.
    """

    session: str
    first: int
    end: int
    starts_s: float | None
    ends_s: float | None
    head: bytes
    tail: bytes


class Part(NamedTuple):
    """Frames of a claim that are new, with their event time."""

    first: int
    end: int
    starts_s: float | None
    ends_s: float | None


def touches(run: Run, claim: Run) -> bool:
    """Whether a claim goes on where a run ends, or covers some of it, or ends where it begins."""
    if run.session != claim.session:
        return False
    return run.first <= claim.end and claim.first <= run.end


def event_times(
    pieces: Sequence[Run | Part], first: int, end: int
) -> tuple[float | None, float | None]:
    """Event time of all pieces together, extended over those without no further than certain."""
    starts = [(piece.first, piece.starts_s) for piece in pieces if piece.starts_s is not None]
    ends = [(piece.end, piece.ends_s) for piece in pieces if piece.ends_s is not None]
    if not starts or not ends:
        return None, None
    (leftmost, starts_s), (rightmost, ends_s) = min(starts), max(ends)
    return (
        starts_s - (leftmost - first) * _SHORTEST_FRAME_S,
        ends_s + (end - rightmost) * _SHORTEST_FRAME_S,
    )


def new_parts(touching: Sequence[Run], claim: Run, own_first: int) -> Iterator[Part]:
    """What of the claim no run covers; its own frames begin with `own_first`."""
    at = claim.first
    for run in sorted(touching, key=lambda run: run.first):
        if at < run.first:
            part = _part(claim, at, run.first)
            yield _before(run, part) if run.first <= own_first else part
        at = max(at, run.end)
    if at < claim.end:
        yield _part(claim, at, claim.end)


def _before(run: Run, part: Part) -> Part:
    """A part of the context, earlier where an overrun since then was not reckoned with."""
    if part.starts_s is None or part.ends_s is None or run.starts_s is None:
        return part
    late_s = max(0.0, part.ends_s - run.starts_s)
    return part._replace(starts_s=part.starts_s - late_s, ends_s=part.ends_s - late_s)


def _part(claim: Run, first: int, end: int) -> Part:
    """Frames of a claim, from when they began at the latest to when they ended at the earliest.

    Only a batch's first sample has a time; the clock may have been slewed since then.
    """
    if claim.starts_s is None:
        return Part(first, end, None, None)
    latest_s = claim.starts_s + (first - claim.first) * _LONGEST_FRAME_S
    return Part(first, end, latest_s, claim.starts_s + (end - claim.first) * _SHORTEST_FRAME_S)


def refuse_overlap(runs: Sequence[Run], session: str, parts: Sequence[Part]) -> None:
    """New frames lie outside all runs in time, on the right side of those of their session."""
    for part in parts:
        if part.starts_s is None or part.ends_s is None:
            continue
        for run in runs:
            if run.starts_s is None or run.ends_s is None:
                continue
            ours = run.session == session
            starts_s = -inf if ours and part.first >= run.end else run.starts_s
            ends_s = inf if ours and part.end <= run.first else run.ends_s
            if min(part.ends_s, ends_s) - max(part.starts_s, starts_s) > _JITTER_S:
                raise BadMessage("privacy", "another run covers the same time")

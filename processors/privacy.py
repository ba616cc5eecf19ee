"""The ceiling: no device gets more than 8 mel frames a second past the bridge.

A batch claims frames by their place in its session: reading `seq` owns frames 8 seq to 8 seq + 7,
its context the 24 before its first reading. Three rules, one guard for each device:

1. A frame has one value. What a batch claims of a frame that is remembered must be equal byte for
   byte, so the context of a contiguous batch repeats what was sent, and a resend is welcome. 255
   (no frame) claims nothing, for all bands of a frame or none. Before a session's first frame there
   is nothing.
2. An instant belongs to one run. The event time of frames that are new, context included, overlaps
   no run of frames that is remembered, in this session or another, and follows their order within
   the session; only slewing is tolerated.
   Batches whose clock is not synced are exempt: their time means nothing.
3. In received time, no more new frames than 8.4 a second above a backlog of 30 days.

Rules 1 and 2 hold for what is remembered: the newest 32 runs, of each its span, its first 24 frames
and its last 192 readings. What is forgotten, or was never known because the bridge restarted or a
dead letter is judged again, is taken as new. So an honest device is never refused, in any order and
with any number of resends, and rule 3 bounds a dishonest one for good. A device whose clock stepped
back overlaps itself: the readings of that overlap are refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BadMessage
from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MEL_BANDS,
    NO_FRAME,
    FeatureBatch,
)

MAX_RUNS: Final = 32
TAIL_FRAMES: Final = 192 * FRAMES_PER_READING
MAX_NEW_FRAMES: Final = 30 * 86_400 * FRAMES_PER_READING
NEW_FRAMES_PER_S: Final = 1.05 * FRAMES_PER_READING
_SLEW: Final = 500e-6
_JITTER_S: Final = 0.02
_SHORTEST_FRAME_S: Final = (1 - _SLEW) / FRAMES_PER_READING
_NOTHING: Final = bytes([NO_FRAME]) * MEL_BANDS

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Run:
    """Frames `first` to `end` (exclusive) of a session, all of them claimed.

    `starts_s` and `ends_s` are event time, s since the epoch; None if the clock was never synced.
    `head` and `tail` are the bytes of the first and the last frames.
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


@dataclass(frozen=True, slots=True)
class Guard:
    """What the bridge remembers of one device's frames; `Guard()` remembers nothing."""

    runs: tuple[Run, ...] = ()
    new_frames: float = 0.0
    at_s: float = 0.0


def check_size(batch: FeatureBatch) -> None:
    """Refuse a batch that carries another number of codes than its readings have.

    Raises
    ------
    BadMessage
        With reason `privacy`.
    """
    if batch.mel is not None and len(batch.mel.codes) != batch.expected_code_bytes:
        detail = f"{len(batch.mel.codes)} code bytes where {batch.expected_code_bytes} belong"
        raise BadMessage("privacy", detail)


def admit(guard: Guard, batch: FeatureBatch, received_at: datetime) -> Guard:
    """Apply the three rules to a batch of the right size; the guard afterwards.

    Raises
    ------
    BadMessage
        With reason `privacy`; the guard then stays as it was.
    """
    if batch.mel is None:
        return guard
    _refuse_torn(batch.mel.codes)
    claim = _claim(batch, batch.mel.codes)
    touching = [run for run in guard.runs if run.session == claim.session and _touch(run, claim)]
    parts = list(_new_parts(touching, claim, FRAMES_PER_READING * batch.first_seq))
    _refuse_overlap(guard.runs, claim.session, parts)
    joined, new = _extended(touching, claim, parts) or _merged(touching, claim, parts)
    others = tuple(run for run in guard.runs if run not in touching)
    now_s = max(received_at.timestamp(), guard.at_s)
    drained = guard.new_frames - NEW_FRAMES_PER_S * (now_s - guard.at_s)
    new_frames = max(0.0, drained) + new
    if new_frames > MAX_NEW_FRAMES:
        raise BadMessage("privacy", "more than 8 frames for each second since the first contact")
    return Guard((*others, joined)[-MAX_RUNS:], new_frames, now_s)


def _refuse_torn(codes: bytes) -> None:
    """Refuse frames without some of their bands, which another batch could add."""
    if NO_FRAME in codes:
        silent = _frames(codes) == NO_FRAME
        if bool((silent.any(axis=1) != silent.all(axis=1)).any()):
            raise BadMessage("privacy", "frames without some of their bands")


def _claim(batch: FeatureBatch, codes: bytes) -> Run:
    """The frames that a batch speaks of, without those of its context that were never heard."""
    unheard = 0
    while unheard < CONTEXT_FRAMES and codes.startswith(_NOTHING, unheard * MEL_BANDS):
        unheard += 1
    first = FRAMES_PER_READING * batch.first_seq - CONTEXT_FRAMES + unheard
    if first < 0:
        raise BadMessage("privacy", "frames from before the session's start")
    starts_s = ends_s = None
    if batch.clock == "synced":
        at_s = batch.started_at.timestamp()
        starts_s = at_s - (CONTEXT_FRAMES - unheard) / FRAMES_PER_READING
        ends_s = at_s + batch.count
    end = FRAMES_PER_READING * (batch.first_seq + batch.count)
    heard = codes[unheard * MEL_BANDS :]
    return Run(batch.session, first, end, starts_s, ends_s, _head(heard), heard)


def _touch(run: Run, claim: Run) -> bool:
    return run.first <= claim.end and claim.first <= run.end


def _extended(touching: Sequence[Run], claim: Run, parts: Sequence[Part]) -> tuple[Run, int] | None:
    """The common case at little cost: one run goes on, or is repeated; None if it is neither."""
    if len(touching) != 1:
        return None
    (run,) = touching
    remembered_from = run.end - len(run.tail) // MEL_BANDS
    if claim.first < remembered_from:
        return None
    at = (claim.first - remembered_from) * MEL_BANDS
    known = run.tail[at : at + len(claim.tail)]
    if not claim.tail.startswith(known):
        return None
    new = claim.end - run.end
    if new <= 0:
        return run, 0
    tail = (run.tail + claim.tail[len(known) :])[-TAIL_FRAMES * MEL_BANDS :]
    head = run.head if run.end - run.first >= CONTEXT_FRAMES else _head(tail)
    times = _times([run, *parts], run.first, claim.end)
    return Run(run.session, run.first, claim.end, *times, head, tail), new


def _merged(touching: Sequence[Run], claim: Run, parts: Sequence[Part]) -> tuple[Run, int]:
    """The claim and the runs it touches as one run, and how many of its frames are new."""
    remembered = _remembered(touching, claim.first, claim.end)
    claimed = _frames(claim.tail)
    both = (remembered != NO_FRAME) & (claimed != NO_FRAME)
    if bool((both & (remembered != claimed)).any()):
        raise BadMessage("privacy", "frames differ from those sent before for the same time")
    unknown = (remembered == NO_FRAME).all(axis=1) & (claimed != NO_FRAME).any(axis=1)
    all_codes = np.where(claimed == NO_FRAME, remembered, claimed).tobytes()
    settled = Run(claim.session, claim.first, claim.end, None, None, _head(all_codes), all_codes)
    pieces = (*touching, claim)
    first, end = min(run.first for run in pieces), max(run.end for run in pieces)
    known = (*touching, settled)
    tail = _remembered(known, max(first, end - TAIL_FRAMES), end).tobytes()
    head = _remembered(known, first, min(end, first + CONTEXT_FRAMES)).tobytes()
    times = _times([*touching, *parts], first, end)
    return Run(claim.session, first, end, *times, head, tail), int(unknown.sum())


def _times(pieces: Sequence[Run | Part], first: int, end: int) -> tuple[float | None, float | None]:
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


def _remembered(runs: Sequence[Run], first: int, end: int) -> Frames:
    """Frames `first` to `end` as they were sent, uint8 [end - first, 32]; 255 where forgotten."""
    canvas = np.full((end - first, MEL_BANDS), NO_FRAME, np.uint8)
    for run in runs:
        for at, frames in (
            (run.first, _frames(run.head)),
            (run.end - len(run.tail) // MEL_BANDS, _frames(run.tail)),
        ):
            begin, stop = max(first, at), min(end, at + len(frames))
            if begin < stop:
                piece = frames[begin - at : stop - at]
                place = canvas[begin - first : stop - first]
                np.copyto(place, piece, where=piece != NO_FRAME)
    return canvas


def _new_parts(touching: Sequence[Run], claim: Run, own_first: int) -> Iterator[Part]:
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
    if claim.starts_s is None:
        return Part(first, end, None, None)
    starts_s = claim.starts_s + (first - claim.first) / FRAMES_PER_READING
    return Part(first, end, starts_s, starts_s + (end - first) / FRAMES_PER_READING)


def _refuse_overlap(runs: Sequence[Run], session: str, parts: Sequence[Part]) -> None:
    """New frames lie outside all runs in time, on the right side of those of their session."""
    for part in parts:
        if part.starts_s is None or part.ends_s is None:
            continue
        tolerance_s = _JITTER_S + _SLEW * (part.ends_s - part.starts_s)
        for run in runs:
            if run.starts_s is None or run.ends_s is None:
                continue
            ours = run.session == session
            starts_s = -inf if ours and part.first >= run.end else run.starts_s
            ends_s = inf if ours and part.end <= run.first else run.ends_s
            if min(part.ends_s, ends_s) - max(part.starts_s, starts_s) > tolerance_s:
                raise BadMessage("privacy", "another run of frames covers the same time")


def _frames(codes: bytes) -> Frames:
    return np.frombuffer(codes, np.uint8).reshape(-1, MEL_BANDS)


def _head(codes: bytes) -> bytes:
    return codes[: CONTEXT_FRAMES * MEL_BANDS]

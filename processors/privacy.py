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

A reading without frames claims its second: rule 2 holds for such readings within their session, so
that what is numbered as a reading lasts a second, and rule 3 counts each as 8 frames.

Rules 1 and 2 hold for what is remembered: the newest 32 runs, of each its span, its first 24 frames
and its last 192 readings. What is forgotten, or was never known because the bridge restarted or a
dead letter is judged again, is taken as new. So an honest device is never refused, in any order and
with any number of resends. Rule 3 bounds a dishonest one for as long as the bridge runs: its count,
and so the backlog that it grants, begins anew with each start. A device whose clock stepped back
overlaps itself: the frames of that overlap are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.runs import Part, Run, event_times, new_parts, refuse_overlap, touches
from schemas.errors import BadMessage
from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MEL_BANDS,
    NO_FRAME,
    Batch,
    FeatureBatch,
    ResultBatch,
)

MAX_RUNS: Final = 32
TAIL_FRAMES: Final = 192 * FRAMES_PER_READING
MAX_NEW_FRAMES: Final = 30 * 86_400 * FRAMES_PER_READING
NEW_FRAMES_PER_S: Final = 1.05 * FRAMES_PER_READING
_NOTHING: Final = bytes([NO_FRAME]) * MEL_BANDS

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Guard:
    """What the bridge remembers of one device; `Guard()` remembers nothing.

    `runs` are those of frames, `bare_runs` those of readings that came without.
    """

    runs: tuple[Run, ...] = ()
    new_frames: float = 0.0
    at_s: float = 0.0
    bare_runs: tuple[Run, ...] = ()


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


def admit(guard: Guard, batch: FeatureBatch | ResultBatch, received_at: datetime) -> Guard:
    """Apply the rules to a batch of the right size; the guard afterwards.

    Raises
    ------
    BadMessage
        With reason `privacy`; the guard then stays as it was.
    """
    mel = batch.mel if isinstance(batch, FeatureBatch) else None
    if mel is None:
        return _with_bare(guard, _seconds(batch), received_at)
    _refuse_torn(mel.codes)
    claim = _claim(batch, mel.codes)
    touching = [run for run in guard.runs if touches(run, claim)]
    parts = list(new_parts(touching, claim, FRAMES_PER_READING * batch.first_seq))
    refuse_overlap(guard.runs, claim.session, parts)
    joined, new = _extended(touching, claim, parts) or _merged(touching, claim, parts)
    return replace(_counted(guard, new, received_at), runs=_newest(guard.runs, touching, joined))


def _with_bare(guard: Guard, claim: Run, received_at: datetime) -> Guard:
    """The guard after readings without frames."""
    own = [run for run in guard.bare_runs if run.session == claim.session]
    touching = [run for run in own if touches(run, claim)]
    parts = list(new_parts(touching, claim, claim.first))
    refuse_overlap(own, claim.session, parts)
    pieces = (*touching, claim)
    first, end = min(run.first for run in pieces), max(run.end for run in pieces)
    times = event_times([*touching, *parts], first, end)
    joined = Run(claim.session, first, end, *times, b"", b"")
    new = sum(part.end - part.first for part in parts)
    bare_runs = _newest(guard.bare_runs, touching, joined)
    return replace(_counted(guard, new, received_at), bare_runs=bare_runs)


def _counted(guard: Guard, new: int, received_at: datetime) -> Guard:
    """Rule 3."""
    now_s = max(received_at.timestamp(), guard.at_s)
    drained = guard.new_frames - NEW_FRAMES_PER_S * (now_s - guard.at_s)
    new_frames = max(0.0, drained) + new
    if new_frames > MAX_NEW_FRAMES:
        raise BadMessage("privacy", "more than 8 frames for each second since the first contact")
    return replace(guard, new_frames=new_frames, at_s=now_s)


def _newest(runs: Sequence[Run], gone: Sequence[Run], joined: Run) -> tuple[Run, ...]:
    """The runs to remember, those joined as one."""
    return (*(run for run in runs if run not in gone), joined)[-MAX_RUNS:]


def _refuse_torn(codes: bytes) -> None:
    """Refuse frames without some of their bands, which another batch could add."""
    if NO_FRAME in codes:
        silent = _frames(codes) == NO_FRAME
        if bool((silent.any(axis=1) != silent.all(axis=1)).any()):
            raise BadMessage("privacy", "frames without some of their bands")


def _claim(batch: Batch, codes: bytes) -> Run:
    """The frames that a batch speaks of, without those of its context that were never heard."""
    unheard = 0
    while unheard < CONTEXT_FRAMES and codes.startswith(_NOTHING, unheard * MEL_BANDS):
        unheard += 1
    own = _seconds(batch)
    context = CONTEXT_FRAMES - unheard
    if own.first < context:
        raise BadMessage("privacy", "frames from before the session's start")
    starts_s = None if own.starts_s is None else own.starts_s - context / FRAMES_PER_READING
    heard = codes[unheard * MEL_BANDS :]
    first = own.first - context
    return Run(own.session, first, own.end, starts_s, own.ends_s, _head(heard), heard)


def _seconds(batch: Batch) -> Run:
    """The seconds that a batch speaks of, as frames without bytes."""
    first = FRAMES_PER_READING * batch.first_seq
    end = first + FRAMES_PER_READING * batch.count
    if batch.clock != "synced":
        return Run(batch.session, first, end, None, None, b"", b"")
    at_s = batch.started_at.timestamp()
    return Run(batch.session, first, end, at_s, at_s + batch.count, b"", b"")


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
    times = event_times([run, *parts], run.first, claim.end)
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
    times = event_times([*touching, *parts], first, end)
    return Run(claim.session, first, end, *times, head, tail), int(unknown.sum())


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


def _frames(codes: bytes) -> Frames:
    return np.frombuffer(codes, np.uint8).reshape(-1, MEL_BANDS)


def _head(codes: bytes) -> bytes:
    return codes[: CONTEXT_FRAMES * MEL_BANDS]

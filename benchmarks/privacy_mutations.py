"""Batches that claim or carry more than 8 frames a second, each beside the honest device it mimics.

A story is what one honest device says: sessions, overruns, a slewed clock, batches of any length.
A mutation makes of its next batch one that would tell an eavesdropper more than 8 frames of some
second. Pure: the same generator gives the same attack.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import orjson
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.messages import CONTEXT_FRAMES, FRAMES_PER_READING, MEL_BANDS, NO_FRAME

SITE: Final = "harbour"
DEVICE: Final = "pole-07"
STARTED_AT: Final = datetime(2026, 5, 4, 10, tzinfo=UTC)
_MAX_COUNT: Final = 12
_HALF_FRAME_S: Final = 0.0625
_OVERRUNS: Final = 0.03  # of all seconds
_NEXT_S: Final = 1.01  # a longer step from one reading to the next is an overrun
_LEVELS: Final = {
    "laeq_1s_db": 61.23,
    "lceq_1s_db": 66.0,
    "lzeq_1s_db": 67.1,
    "lafmax_db": 70.4,
    "lasmax_db": 65.0,
    "lcpeak_db": 81.5,
    "overload": False,
    "floor": False,
    "third_octaves_db": [50.0] * 25,
}

Frames = NDArray[np.uint8]
Document = dict[str, object]


@dataclass(frozen=True)
class Session:
    """What a device heard without a break of its clock.

    `frames` is uint8 [8 n, 32]; `times_s[seq]` is event time, s after `STARTED_AT`.
    """

    name: str
    frames: Frames
    times_s: NDArray[np.float64]

    def codes(self, first_seq: int, count: int) -> Frames:
        """Context and frames of readings, uint8 [24 + 8 count, 32]; 255 before the start."""
        padded = np.concatenate(
            [np.full((CONTEXT_FRAMES, MEL_BANDS), NO_FRAME, np.uint8), self.frames]
        )
        first = FRAMES_PER_READING * first_seq
        return padded[first : first + CONTEXT_FRAMES + FRAMES_PER_READING * count].copy()


@dataclass(frozen=True)
class Moment:
    """The device is about to send `count` readings from `next_seq` on; all before were sent."""

    session: Session
    next_seq: int
    count: int
    previous: Session | None

    @property
    def at_s(self) -> float:
        """Event time of the next batch."""
        return float(self.session.times_s[self.next_seq])

    @property
    def known(self) -> int:
        """How many readings of this session were sent lately, at most 60."""
        return min(self.next_seq, 60)


def session(rng: Generator, begins_s: float, readings: int) -> Session:
    """Heard sound: frames never twice the same, a clock slewed by at most 500 ppm, overruns."""
    frames = fresh(rng, FRAMES_PER_READING * readings)
    frames[0] = NO_FRAME  # it lacks its history
    pace_s = 1 + rng.uniform(-500e-6, 500e-6)
    lost_s = np.where(rng.random(readings) < _OVERRUNS, rng.uniform(0.02, 3.0, readings), 0.0)
    lost_s[0] = 0.0
    times_s = begins_s + pace_s * np.arange(readings) + np.cumsum(lost_s)
    name = "".join(rng.choice(list("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 25))
    return Session("0" + name, frames, times_s)


def without_overrun(heard: Session, first_seq: int, count: int) -> int:
    """How many of these readings fit into one batch, which spans no overrun."""
    times_s = heard.times_s[first_seq : first_seq + min(count, _MAX_COUNT)]
    breaks = np.flatnonzero(np.diff(times_s) > _NEXT_S)
    return int(breaks[0]) + 1 if len(breaks) else len(times_s)


def fresh(rng: Generator, frames: int) -> Frames:
    """Frames that nobody sent, uint8 [frames, 32], none of them 255."""
    return rng.integers(0, NO_FRAME, (frames, MEL_BANDS), np.uint8)


def document(name: str, first_seq: int, at_s: float, codes: Frames, levels: int) -> Document:
    """A features message as JSON would have it."""
    started_at = STARTED_AT + timedelta(seconds=at_s)
    return {
        "version": 1,
        "site": SITE,
        "device": DEVICE,
        "session": name,
        "first_seq": first_seq,
        "started_at": started_at.isoformat(timespec="microseconds"),
        "clock": "synced",
        "calibration": "simulated",
        "profile": "mel32x8",
        "levels": [_LEVELS] * levels,
        "mel": {"context_frames": CONTEXT_FRAMES, "codes": b64encode(codes.tobytes()).decode()},
    }


def honest(moment: Moment) -> bytes:
    """The next batch itself."""
    codes = moment.session.codes(moment.next_seq, moment.count)
    name, seq = moment.session.name, moment.next_seq
    return orjson.dumps(document(name, seq, moment.at_s, codes, moment.count))


def fresh_context(rng: Generator, moment: Moment) -> bytes:
    """Some of the context's frames are new ones: up to 32 a second in a live batch."""
    codes = moment.session.codes(moment.next_seq, moment.count)
    # the session's very first frame was sent as 255: to fill it in claims nothing twice
    index = FRAMES_PER_READING * moment.next_seq - CONTEXT_FRAMES + np.arange(CONTEXT_FRAMES)
    places = rng.permutation(np.flatnonzero(index != 0))[: rng.integers(1, CONTEXT_FRAMES)]
    codes[places] = fresh(rng, len(places))
    name, seq = moment.session.name, moment.next_seq
    return orjson.dumps(document(name, seq, moment.at_s, codes, moment.count))


def context_after_a_gap(rng: Generator, moment: Moment) -> bytes:
    """Seqs are skipped, time is not, so that the context is new and lies on what was sent."""
    skipped = int(rng.integers(4, 1000))
    count = int(rng.integers(1, _MAX_COUNT))
    codes = fresh(rng, CONTEXT_FRAMES + FRAMES_PER_READING * count)
    at_s = moment.at_s - rng.uniform(0.0, 2.5)
    last_end_s = _sent_until_s(moment)
    at_s = min(at_s, last_end_s + 2.5)
    name, seq = moment.session.name, moment.next_seq + skipped
    return orjson.dumps(document(name, seq, at_s, codes, count))


def shifted_grid(rng: Generator, moment: Moment) -> bytes:
    """Frames half a frame beside those sent, as a new session or as the same one."""
    seq = moment.next_seq - int(rng.integers(1, moment.known + 1))
    shift_s = _HALF_FRAME_S * int(rng.choice([-7, -5, -3, -1, 1, 3, 5, 7]))
    count = int(rng.integers(1, _MAX_COUNT))
    codes = fresh(rng, CONTEXT_FRAMES + FRAMES_PER_READING * count)
    at_s = float(moment.session.times_s[seq]) + shift_s
    if rng.integers(2):
        return orjson.dumps(document(moment.session.name, seq, at_s, codes, count))
    codes[:CONTEXT_FRAMES] = NO_FRAME
    return orjson.dumps(document(_other_name(rng), 0, at_s, codes, count))


def early_grid(rng: Generator, moment: Moment) -> bytes:
    """The session goes on, on a grid that begins before its last frames ended."""
    codes = fresh(rng, CONTEXT_FRAMES + FRAMES_PER_READING * moment.count)
    codes[:CONTEXT_FRAMES] = moment.session.codes(moment.next_seq, 0)
    at_s = _sent_until_s(moment) - _HALF_FRAME_S * int(rng.choice([1, 3, 5, 7]))
    name, seq = moment.session.name, moment.next_seq
    return orjson.dumps(document(name, seq, at_s, codes, moment.count))


def two_sessions(rng: Generator, moment: Moment) -> bytes:
    """A second session, or the one before it gone on, covers seconds that were sent."""
    count = int(rng.integers(1, _MAX_COUNT))
    overlap_s = rng.uniform(0.1, moment.known - 0.1)
    at_s = _sent_until_s(moment) - overlap_s
    codes = fresh(rng, CONTEXT_FRAMES + FRAMES_PER_READING * count)
    if moment.previous is not None and rng.integers(2):
        seq = len(moment.previous.times_s) + int(rng.integers(3, 100))
        return orjson.dumps(document(moment.previous.name, seq, at_s, codes, count))
    codes[:CONTEXT_FRAMES] = NO_FRAME
    return orjson.dumps(document(_other_name(rng), 0, at_s, codes, count))


def second_values(rng: Generator, moment: Moment) -> bytes:
    """A resend in which some frames are others."""
    back = int(rng.integers(1, min(moment.known, _MAX_COUNT) + 1))
    seq = moment.next_seq - back
    codes = moment.session.codes(seq, back)
    index = FRAMES_PER_READING * seq + np.arange(FRAMES_PER_READING * back)
    places = rng.permutation(np.flatnonzero(index != 0))
    places = places[: rng.integers(1, len(places) + 1)]
    codes[CONTEXT_FRAMES + places] = fresh(rng, len(places))
    at_s = float(moment.session.times_s[seq])
    return orjson.dumps(document(moment.session.name, seq, at_s, codes, back))


def wrong_counts(rng: Generator, moment: Moment) -> bytes:
    """More frames than the readings have, however the message explains them."""
    codes = moment.session.codes(moment.next_seq, moment.count)
    extra = fresh(rng, int(rng.integers(1, 8 * CONTEXT_FRAMES)))
    more = np.concatenate([codes, extra])
    name, seq = moment.session.name, moment.next_seq
    mel = _mel(CONTEXT_FRAMES, codes)
    disguises: tuple[Document, ...] = (
        {},
        {"levels": []},
        {"version": 2},
        {"mel": _mel(CONTEXT_FRAMES + len(extra), more)},
        {"mel": mel | {"more": b64encode(extra.tobytes()).decode()}},
        {"mel": mel | {"more": extra.tolist()}},
        {"mel": mel, "mel_more": _mel(CONTEXT_FRAMES, more)},
        {"profile": "levels"},
    )
    disguise = disguises[rng.integers(len(disguises))]
    return orjson.dumps(document(name, seq, moment.at_s, more, moment.count) | disguise)


MUTATIONS: Final[Mapping[str, Callable[[Generator, Moment], bytes]]] = {
    "fresh context": fresh_context,
    "context after a gap": context_after_a_gap,
    "shifted grid": shifted_grid,
    "early grid": early_grid,
    "two sessions": two_sessions,
    "second values": second_values,
    "wrong counts": wrong_counts,
}


def _sent_until_s(moment: Moment) -> float:
    """Event time at which the frames sent so far end."""
    return float(moment.session.times_s[moment.next_seq - 1]) + 1.0


def _other_name(rng: Generator) -> str:
    return "0" + "".join(rng.choice(list("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 25))


def _mel(context_frames: int, codes: Frames) -> Document:
    return {"context_frames": context_frames, "codes": b64encode(codes.tobytes()).decode()}

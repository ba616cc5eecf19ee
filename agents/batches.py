"""Readings -> batches: which readings share a message, and which frames come before them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from agents.labels import unpacked
from agents.reading import NO_CONTEXT, READING_CODE_BYTES, Reading
from schemas import codec
from schemas.base import DeviceId, SiteId
from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MAX_BATCH_BYTES,
    MAX_READINGS,
    FeatureBatch,
    Levels,
    Mel,
    Profile,
    ResultBatch,
)
from schemas.topics import DeviceStream

CONTEXT_READINGS = CONTEXT_FRAMES // FRAMES_PER_READING

_SECOND = timedelta(seconds=1)
# The sample clock is slewed by at most 500 ppm, half a millisecond per reading: more is a gap.
_CLOCK_SLEW = timedelta(milliseconds=2)
_LEVEL_DECIMALS = 2


@dataclass(frozen=True)
class Origin:
    """Who publishes, and how much of a reading may leave the device."""

    site: SiteId
    device: DeviceId
    profile: Profile = "mel32x8"


def follows(before: Reading, after: Reading) -> bool:
    """Whether `after` is the next second of the same unbroken sound."""
    drift = after.started_at - before.started_at - _SECOND
    same_session = (before.session, before.seq + 1) == (after.session, after.seq)
    return same_session and abs(drift) <= _CLOCK_SLEW


def runs(readings: Sequence[Reading]) -> Iterator[tuple[Reading, ...]]:
    """Cut readings where one batch may not go on: at a gap, a new clock state, 60 readings."""
    first = 0
    for n, (before, after) in enumerate(pairwise(readings), start=1):
        if n - first == MAX_READINGS or not _may_share_a_batch(before, after):
            yield tuple(readings[first:n])
            first = n
    if readings:
        yield tuple(readings[first:])


def context(before: Sequence[Reading], first: Reading) -> bytes:
    """Mel codes of the 24 frames before a reading; 255 where there was nothing or a gap.

    Parameters
    ----------
    before : sequence of Reading
        The readings stored before `first`, oldest first; only the last three matter.
    first : Reading
        First reading of the batch.

    Returns
    -------
    bytes
        uint8 [24, 32], row by row.
    """
    codes = b""
    following = first
    for reading in reversed(before[-CONTEXT_READINGS:]):
        if not follows(reading, following) or _form(reading) != "mel32x8":
            break
        codes = reading.codes + codes
        following = reading
    return NO_CONTEXT[len(codes) :] + codes


def batch(
    origin: Origin, run: Sequence[Reading], before: Sequence[Reading]
) -> FeatureBatch | ResultBatch:
    """One message of a run of readings; `before` are those stored just before it.

    A reading may hold less than the profile allows, if it is older than the profile, and then less
    is sent; one that holds more is sent as levels.
    """
    first = run[0]
    features = FeatureBatch(
        site=origin.site,
        device=origin.device,
        session=first.session,
        first_seq=first.seq,
        started_at=first.started_at,
        clock=first.clock,
        calibration=first.calibration,
        levels=tuple(rounded(reading.levels) for reading in run),
        profile="levels",
        mel=None,
    )
    heard = [unpacked(reading.codes) for reading in run]
    if origin.profile != "levels" and heard[0] is not None:
        return ResultBatch(
            **features.model_dump(exclude={"profile", "mel", "levels"}),
            levels=features.levels,
            model=heard[0].model,
            labels=tuple(each.labels for each in heard if each is not None),
        )
    if origin.profile == "mel32x8" and _form(first) == "mel32x8":
        codes = context(before, first) + b"".join(reading.codes for reading in run)
        return features.model_copy(update={"profile": "mel32x8", "mel": Mel(codes=codes)})
    return features


def stream(origin: Origin, run: Sequence[Reading]) -> DeviceStream:
    """Which of the device's topics takes the messages of a run."""
    labelled = unpacked(run[0].codes) is not None
    return "results" if labelled and origin.profile != "levels" else "features"


def messages(
    origin: Origin, run: Sequence[Reading], before: Sequence[Reading]
) -> Iterator[tuple[tuple[Reading, ...], bytes]]:
    """Payloads of a run, each at most 128 KiB, with the readings that each carries.

    Sixty readings take about 50 KiB; should levels ever grow, a run is halved until it fits. One
    reading that is too large alone is yielded all the same: whoever sends must look at the size.
    """
    payload = codec.encode(batch(origin, run, before))
    if len(payload) <= MAX_BATCH_BYTES or len(run) == 1:
        yield tuple(run), payload
        return
    half = len(run) // 2
    yield from messages(origin, run[:half], before)
    yield from messages(origin, run[half:], [*before, *run[:half]])


def rounded(levels: Levels) -> Levels:
    """Levels as they travel, with 0.01 dB."""
    decibels = levels.model_dump(exclude={"overload", "floor", "third_octaves_db"})
    rounded_db = {name: round(value, _LEVEL_DECIMALS) for name, value in decibels.items()}
    bands = tuple(round(band, _LEVEL_DECIMALS) for band in levels.third_octaves_db)
    return levels.model_copy(update={**rounded_db, "third_octaves_db": bands})


def _may_share_a_batch(before: Reading, after: Reading) -> bool:
    return (
        follows(before, after)
        and before.clock == after.clock
        and before.calibration == after.calibration
        and bool(before.codes) == bool(after.codes)
        and _form(before) == _form(after)
    )


def _form(reading: Reading) -> str:
    """What a reading holds besides its levels: frames, nothing more, or labels by some model."""
    if len(reading.codes) == READING_CODE_BYTES:
        return "mel32x8"
    heard = unpacked(reading.codes)
    return "levels" if heard is None else heard.model

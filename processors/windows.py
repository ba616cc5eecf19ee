"""Readings -> levels and label levels per device and window of event time.

A window's row depends only on the set of its readings; order, duplicates and restarts do not
matter. The watermark (newest event time minus the allowed lateness) only decides when a window is
written, and when it is final.

The fold holds the readings of base windows that are still open, and says which windows it has
touched; `window_book` makes rows of that and of what was stored before, in the transaction that
stores this state. So a late reading finds its window however old that is, and nothing waits here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from processors import window_seconds, window_state
from processors.event_time import SECOND_US, microseconds
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.sources import BACKGROUND_MINUTES
from processors.window_keys import BASE_S, DAY_S, HOUR_S, LARGER_S, QUARTER_S, Key, around, base
from processors.window_questions import Touched
from processors.window_seconds import NOTHING_HEARD, Heard
from processors.window_state import WindowsState
from schemas.base import ACTIVE_SCORE, SiteId
from schemas.readings import AnyBatch

__all__ = ["LARGER_S", "fold", "step"]

LATENESS_US: Final = 2 * SECOND_US
IDLE_US: Final = 5 * SECOND_US
"""A window that received time has left behind by this much is written early."""

AHEAD_US: Final = 60 * SECOND_US
BEHIND_US: Final = 31 * 86400 * SECOND_US
"""The bridge takes nothing that is further from its own clock; who gets past it is not folded."""

LOOK_BACK_S: Final = (BACKGROUND_MINUTES + 1) * 60
"""What came longer before a window that begins with an hour has no bearing on its row."""

UTC: Final = ZoneInfo("UTC")
Zones = Mapping[SiteId, ZoneInfo]


def fold(
    zones: Zones = MappingProxyType({}), active_score: int = ACTIVE_SCORE
) -> Fold[WindowsState]:
    """Make the windows fold.

    Parameters
    ----------
    zones : mapping of str to ZoneInfo
        Of the sites, for their days; UTC for others.
    active_score : int
        A label is active in a second that scores at least so much, per mille.
    """
    return Fold(
        program="windows",
        empty=WindowsState,
        step=partial(step, zones=zones, active_score=active_score),
        dump=WindowsState.dump,
        load=window_state.load,
    )


def step(
    state: WindowsState, event: Event, *, zones: Zones, active_score: int = ACTIVE_SCORE
) -> tuple[WindowsState, Outputs]:
    """Add a batch to its windows, whichever these are, or let a tick write what waits."""
    if isinstance(event, Tick):
        return _ticked(state, microseconds(event.at), zones.get(state.site, UTC))
    if event.clock == "unsynced":  # its time is a guess: archived, not folded
        return state, NOTHING
    return _heard(state, event, zones.get(event.site, UTC), active_score)


def _heard(
    state: WindowsState, batch: AnyBatch, zone: ZoneInfo, active_score: int
) -> tuple[WindowsState, Outputs]:
    first_us = microseconds(batch.started_at)
    end_us = first_us + batch.count * SECOND_US
    if not -BEHIND_US <= end_us - microseconds(batch.received_at) <= AHEAD_US:
        return replace(state, off_clock=state.off_clock + batch.count), NOTHING
    ledger, new = state.ledger.counted(
        batch.session, batch.first_seq, batch.count, at_s=end_us // SECOND_US
    )
    if not new:
        return replace(state, ledger=ledger), NOTHING
    newest_us = max(state.newest_us, end_us)
    watermark_us = newest_us - LATENESS_US
    held, opened, closed = dict(state.held), dict(state.open), []
    zero_us = first_us - batch.first_seq * SECOND_US
    for start_s, seqs in _by_base_window(new, zero_us):
        part = _part(batch, seqs, zero_us - start_s * SECOND_US, active_score)
        if start_s not in held:
            for key in around(start_s, zone):
                if key.end_us > watermark_us or key.end_us > state.newest_us - LATENESS_US:
                    opened.setdefault(key, False)
                else:
                    closed.append(key)
        held[start_s] = window_seconds.merged(held.get(start_s, NOTHING_HEARD), part)
    after = WindowsState(
        device=state.device,
        site=batch.site,
        newest_us=newest_us,
        ledger=ledger,
        held=held,
        open=opened,
        off_clock=state.off_clock,
        overlapping=state.overlapping + (len(new) if ledger.overlaps(batch.session) else 0),
    )
    return _passed(after, closed, zone)


def _by_base_window(seqs: Sequence[int], zero_us: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Start of a base window, and those of the readings whose midpoint it holds."""
    offset_us = zero_us + SECOND_US // 2
    width_us = BASE_S * SECOND_US
    for index, group in groupby(seqs, lambda seq: (offset_us + seq * SECOND_US) // width_us):
        yield index * BASE_S, list(group)


def _part(batch: AnyBatch, seqs: Sequence[int], zero_us: int, active_score: int) -> Heard:
    """Readings of one base window; `zero_us`: where seq 0 would be, counted from its start."""
    parts = NOTHING_HEARD
    for first, count in _runs(seqs):
        at = first - batch.first_seq
        part = window_seconds.heard(
            batch.levels[at : at + count],
            batch.labels[at : at + count],
            at_ms=(zero_us + first * SECOND_US + SECOND_US // 2) // 1000,
            calibration=batch.calibration,
            active_score=active_score,
        )
        parts = window_seconds.merged(parts, part)
    return parts


def _runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and number of each run of consecutive numbers."""
    if seqs[-1] - seqs[0] == len(seqs) - 1:
        yield seqs[0], len(seqs)
        return
    for _, group in groupby(enumerate(seqs), lambda pair: pair[1] - pair[0]):
        run = [seq for _, seq in group]
        yield run[0], len(run)


def _passed(
    state: WindowsState, closed: Iterable[Key], zone: ZoneInfo
) -> tuple[WindowsState, Outputs]:
    """Write what the watermark has passed, and with a quarter the hour and day as they stand."""
    watermark_us = state.newest_us - LATENESS_US
    ready = [start_s for start_s in state.held if base(start_s).end_us <= watermark_us]
    final = [key for key in state.open if key.end_us <= watermark_us]
    if not ready and not final:
        return state, NOTHING
    touched = [_touched(state, zone, base(s), state.held[s], final=True) for s in sorted(ready)]
    opened = {key: early for key, early in state.open.items() if key.end_us > watermark_us}
    touched += [_touched(state, zone, key, final=True) for key in sorted({*final, *closed})]
    closed_s = max((key.end_s for key in final if key.length_s == QUARTER_S), default=0)
    for key in opened:
        if key.length_s in (HOUR_S, DAY_S) and key.start_s < closed_s:
            touched.append(_touched(state, zone, key, final=False))
            opened[key] = True
    held = {s: heard for s, heard in state.held.items() if s not in ready}
    return _outputs(replace(state, held=held, open=opened), touched)


def _ticked(state: WindowsState, at_us: int, zone: ZoneInfo) -> tuple[WindowsState, Outputs]:
    """Write early the windows of a device that has fallen silent."""
    ready = [start_s for start_s in state.held if base(start_s).end_us + IDLE_US <= at_us]
    late = [key for key, early in state.open.items() if not early and key.end_us + IDLE_US <= at_us]
    if not ready and not late:
        return state, NOTHING
    touched = [_touched(state, zone, base(s), state.held[s], final=False) for s in sorted(ready)]
    touched += [_touched(state, zone, key, final=False) for key in sorted(late)]
    opened = {**state.open, **dict.fromkeys(late, True), **{base(s): True for s in ready}}
    held = {s: heard for s, heard in state.held.items() if s not in ready}
    return _outputs(replace(state, held=held, open=opened), touched)


def _touched(
    state: WindowsState, zone: ZoneInfo, key: Key, heard: Heard = NOTHING_HEARD, *, final: bool
) -> Touched:
    # every value was checked when the batch was read
    return Touched.trusted(
        site=state.site, device=state.device, zone=zone, key=key, heard=heard, final=final
    )


def _outputs(state: WindowsState, touched: Sequence[Touched]) -> tuple[WindowsState, Outputs]:
    """What is touched, and the account of the device's readings whenever a minute is."""
    if not any(one.key.length_s > BASE_S for one in touched):
        return state, Outputs(rows=tuple(touched), messages=tuple(touched))
    return state, Outputs(rows=(*touched, state.account()), messages=tuple(touched))

"""Readings -> levels and label levels per device and window of event time.

A window's row depends only on the set of its readings; order, duplicates and restarts do not
matter. The watermark (newest event time minus the allowed lateness) only decides when a window is
written, and when it is final.

The fold holds the readings of base windows that are still open, and says which windows it has
touched; `window_book` makes rows of that and of what was stored before, in the transaction that
stores this state. So a late reading finds its window however old that is, and nothing waits here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Final, cast
from zoneinfo import ZoneInfo

from processors import window_columns, window_seconds, window_state
from processors.event_time import SECOND_US, microseconds
from processors.folds import NOTHING, Event, Outputs, PagedFold, States, Tick
from processors.sources import BACKGROUND_MINUTES
from processors.window_columns import Part
from processors.window_keys import BASE_S, DAY_S, HOUR_S, LARGER_S, QUARTER_S, Key, around, base
from processors.window_questions import Touched
from processors.window_seconds import NOTHING_HEARD, Heard
from processors.window_state import WindowsState
from schemas.base import ACTIVE_SCORE, DeviceId, Frozen, SiteId
from schemas.readings import AnyLevels, AnyRecord, cut, read_levels

__all__ = ["LARGER_S", "fold", "step"]

LATENESS_US: Final = 2 * SECOND_US
IDLE_US: Final = 5 * SECOND_US
"""A window that received time has left behind by this much is written early."""

AT_ONCE: Final = timedelta(0)
AHEAD: Final = timedelta(seconds=60)
BEHIND: Final = timedelta(days=31)
"""The bridge takes nothing that is further from its own clock; who gets past it is not folded."""

LOOK_BACK_S: Final = (BACKGROUND_MINUTES + 1) * 60
"""What came longer before a window that begins with an hour has no bearing on its row."""

UTC: Final = ZoneInfo("UTC")
_device: Final = attrgetter("device")
Zones = Mapping[SiteId, ZoneInfo]


def fold(
    zones: Zones = MappingProxyType({}), active_score: int = ACTIVE_SCORE
) -> PagedFold[WindowsState]:
    """Make the windows fold.

    Parameters
    ----------
    zones : mapping of str to ZoneInfo
        Of the sites, for their days; UTC for others.
    active_score : int
        A label is active in a second that scores at least so much, per mille.
    """
    return PagedFold(
        program="windows",
        empty=WindowsState,
        step=partial(step, zones=zones, active_score=active_score),
        dump=WindowsState.dump,
        load=window_state.load,
        # no third octaves: half the cost
        read=cast("Callable[[bytes], AnyRecord]", read_levels),
        page=partial(page, zones=zones, active_score=active_score),
    )


def step(
    state: WindowsState, event: Event, *, zones: Zones, active_score: int = ACTIVE_SCORE
) -> tuple[WindowsState, Outputs]:
    """Add a batch to its windows, whichever these are, or let a tick write what waits."""
    if isinstance(event, Tick):
        state, rows = _ticked(state, microseconds(event.at), zones.get(state.site, UTC))
        return state, _told(rows)
    known = {state.device: state}
    changed, outputs = page(known, [event], zones=zones, active_score=active_score)
    return changed.get(state.device, state), outputs


def page(
    states: Mapping[DeviceId, WindowsState],
    batches: Sequence[AnyLevels],
    tick: Tick | None = None,
    *,
    zones: Zones,
    active_score: int = ACTIVE_SCORE,
) -> tuple[States[WindowsState], Outputs]:
    """Add batches of many devices to their windows; then let a tick write what waits.

    Parameters
    ----------
    states : mapping of str to WindowsState
        Of the devices that are known.
    batches : sequence of AnyLevels
        In the order of the log.
    tick : Tick or None
        The last of those among the batches: what earlier ones would have written early is written
        when they are overtaken, with the same final rows.

    Returns
    -------
    dict of str to WindowsState, Outputs
        The states that have changed, and the windows that have.
    """
    changed: States[WindowsState] = {}
    fresh: list[AnyLevels] = []
    for device, heard in _by_device(batches).items():
        changed[device], new = _counted(states.get(device) or WindowsState(device), heard)
        fresh += new
    rows: list[Frozen] = []
    if fresh:
        for device, parts in groupby(window_columns.parts(fresh, active_score), _device):
            state = changed[device]
            changed[device], touched = _heard(state, list(parts), zones.get(state.site, UTC))
            rows += touched
    if tick is not None:
        at_us = microseconds(tick.at)
        for device, before in sorted({**states, **changed}.items()):
            after, touched = _ticked(before, at_us, zones.get(before.site, UTC))
            if after is not before:
                changed[device] = after
                rows += touched
    return changed, _told(rows)


def _by_device(batches: Sequence[AnyLevels]) -> dict[DeviceId, list[AnyLevels]]:
    """Those whose time is no guess; others are archived, not folded."""
    found: dict[DeviceId, list[AnyLevels]] = {}
    for batch in batches:
        if batch.clock == "unsynced":
            continue
        some = found.get(batch.device)
        if some is None:
            found[batch.device] = [batch]
        else:
            some.append(batch)
    return found


def _counted(
    state: WindowsState, batches: Sequence[AnyLevels]
) -> tuple[WindowsState, list[AnyLevels]]:
    """Count a device's batches, and pick the readings that are new."""
    ledger, off_clock, overlapping = state.ledger, state.off_clock, state.overlapping
    on_time = [batch for batch in batches if _is_on_time(batch)]
    if len(on_time) < len(batches):
        off_clock += sum(b.count for b in batches) - sum(b.count for b in on_time)
    fresh: list[AnyLevels] = []
    for run in _runs(on_time):
        first, last = run[0], run[-1]
        count = last.first_seq + last.count - first.first_seq
        end_s = microseconds(last.started_at) // SECOND_US + last.count
        ledger, new = ledger.counted(first.session, first.first_seq, count, at_s=end_s)
        fresh += run if len(new) == count else _cuts(run, new)
        if new and ledger.overlaps(first.session):
            overlapping += len(new)
    counted = state._replace(
        site=fresh[-1].site if fresh else state.site,
        ledger=ledger,
        off_clock=off_clock,
        overlapping=overlapping,
    )
    return counted, fresh


def _is_on_time(batch: AnyLevels) -> bool:
    """Whether it ends when it may have, given when it was received."""
    apart = batch.received_at - batch.started_at
    if AT_ONCE <= apart <= BEHIND:  # nearly always, and no batch is longer than AHEAD
        return True
    return -AHEAD <= apart - timedelta(seconds=batch.count) <= BEHIND


def _runs(batches: Sequence[AnyLevels]) -> Iterator[list[AnyLevels]]:
    """Batches that follow each other in one session."""
    run: list[AnyLevels] = []
    session, next_seq = "", 0
    for batch in batches:
        if run and (batch.first_seq != next_seq or batch.session != session):
            yield run
            run = []
        run.append(batch)
        session, next_seq = batch.session, batch.first_seq + len(batch.levels)
    if run:
        yield run


def _cuts(run: Sequence[AnyLevels], seqs: Sequence[int]) -> Iterator[AnyLevels]:
    """What these readings are of batches that follow each other."""
    for batch in run:
        end = batch.first_seq + batch.count
        mine = [seq for seq in seqs if batch.first_seq <= seq < end]
        for _, group in groupby(enumerate(mine), lambda pair: pair[1] - pair[0]):
            them = [seq for _, seq in group]
            yield cut(batch, them[0], len(them))


def _heard(
    state: WindowsState, parts: Sequence[Part], zone: ZoneInfo
) -> tuple[WindowsState, Sequence[Frozen]]:
    """Add what is new to the windows of a device."""
    newest_us = max(state.newest_us, *(part.end_us for part in parts))
    held, opened, closed = dict(state.held), dict(state.open), []
    past_s = (state.newest_us - LATENESS_US) // SECOND_US
    for _, start_s, _, heard in parts:
        before = held.get(start_s)
        if before is not None:
            held[start_s] = window_seconds.merged(before, heard)
            continue
        held[start_s] = heard
        for key in around(start_s, zone):
            if key.end_s > past_s:
                opened.setdefault(key, False)
            else:
                closed.append(key)
    after = state._replace(newest_us=newest_us, held=held, open=opened)
    return _passed(after, closed, zone)


def _passed(
    state: WindowsState, closed: Iterable[Key], zone: ZoneInfo
) -> tuple[WindowsState, Sequence[Frozen]]:
    """Write what the watermark has passed, and with a quarter the hour and day as they stand."""
    past_s = (state.newest_us - LATENESS_US) // SECOND_US
    ready = sorted(start_s for start_s in state.held if start_s + BASE_S <= past_s)
    final = [key for key in state.open if key.end_s <= past_s]
    if not ready and not final:
        return state, ()
    touched = [_touched(state, zone, base(s), state.held[s], final=True) for s in ready]
    opened = {key: early for key, early in state.open.items() if key.end_s > past_s}
    touched += [_touched(state, zone, key, final=True) for key in sorted({*final, *closed})]
    closed_s = max((key.end_s for key in final if key.length_s == QUARTER_S), default=0)
    if closed_s:
        for key in opened:
            if key.length_s in (HOUR_S, DAY_S) and key.start_s < closed_s:
                touched.append(_touched(state, zone, key, final=False))
                opened[key] = True
    held = {s: heard for s, heard in state.held.items() if s + BASE_S > past_s}
    return _accounted(state._replace(held=held, open=opened), touched)


def _ticked(
    state: WindowsState, at_us: int, zone: ZoneInfo
) -> tuple[WindowsState, Sequence[Frozen]]:
    """Write early the windows of a device that has fallen silent."""
    idle_s = (at_us - IDLE_US) // SECOND_US
    ready = sorted(start_s for start_s in state.held if start_s + BASE_S <= idle_s)
    late = [key for key, early in state.open.items() if not early and key.end_s <= idle_s]
    if not ready and not late:
        return state, ()
    touched = [_touched(state, zone, base(s), state.held[s], final=False) for s in ready]
    touched += [_touched(state, zone, key, final=False) for key in sorted(late)]
    opened = {**state.open, **dict.fromkeys(late, True), **{base(s): True for s in ready}}
    held = {s: heard for s, heard in state.held.items() if s + BASE_S > idle_s}
    return _accounted(state._replace(held=held, open=opened), touched)


def _touched(
    state: WindowsState, zone: ZoneInfo, key: Key, heard: Heard = NOTHING_HEARD, *, final: bool
) -> Touched:
    # every value was checked when the batch was read
    return Touched.trusted(
        site=state.site,
        device=state.device,
        zone=zone,
        key=key,
        heard=heard,
        final=final,
        newest_s=state.newest_us // SECOND_US,
    )


def _accounted(
    state: WindowsState, touched: Sequence[Touched]
) -> tuple[WindowsState, Sequence[Frozen]]:
    """What is touched, and the account of the device's readings whenever a minute is."""
    if all(one.key.length_s == BASE_S for one in touched):
        return state, touched
    return state, (*touched, state.account())


def _told(rows: Sequence[Frozen]) -> Outputs:
    if not rows:
        return NOTHING
    touched = tuple([row for row in rows if isinstance(row, Touched)])
    return Outputs(rows=tuple(rows), messages=touched)

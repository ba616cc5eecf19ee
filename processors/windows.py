"""Readings -> levels and label levels per device and window of event time.

A window's row depends only on the set of its readings; order, duplicates and restarts do not
matter. The watermark (newest event time minus the allowed lateness) only decides when it is final.

State holds the open windows, and closed ones to which readings may still come: after an outage
those at its two edges wait for the backlog, the ones in between are new. A window that is
complete, or has waited for `HORIZON_S`, is sealed: its sums are dropped, its row stays as it is,
and what still comes for it is counted as too late, not folded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Final

from processors import window_state, window_sums
from processors.event_time import SECOND_US, microseconds
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.window_state import Key, Slot, WindowsState, with_span
from processors.window_sums import Sums
from schemas.envelopes import LabelledBatch
from schemas.results import Window

BASE_S: Final = 10
MINUTE_S: Final = 60
HOUR_S: Final = 3600
LARGER_S: Final = (MINUTE_S, HOUR_S)
LATENESS_US: Final = 2 * SECOND_US
IDLE_US: Final = 5 * SECOND_US
"""A window that received time has left behind by this much is written early."""

HORIZON_S: Final = 4 * 86400
"""How long a partly heard window waits for the rest: longer than the outages we plan for."""

MAX_HELD: Final = 512
NEW: Final = Slot(window_sums.EMPTY)
ACTIVE_SCORE: Final = 500
"""Scores are calibrated so that 500 per mille is a label's own threshold."""


def fold(active_score: int = ACTIVE_SCORE) -> Fold[WindowsState]:
    """Make the windows fold; a label is active in a second that scores at least `active_score`."""
    return Fold(
        program="windows",
        empty=WindowsState,
        step=partial(step, active_score=active_score),
        dump=WindowsState.dump,
        load=window_state.load,
    )


def step(
    state: WindowsState, event: Event, *, active_score: int = ACTIVE_SCORE
) -> tuple[WindowsState, Outputs]:
    """Add a batch to its windows, whichever these are, or let a tick write what waits."""
    if isinstance(event, Tick):
        return _ticked(state, microseconds(event.at))
    if event.clock == "unsynced":  # its time is a guess: archived, not folded
        return state, NOTHING
    return _heard(state, event, active_score)


def _heard(
    state: WindowsState, batch: LabelledBatch, active_score: int
) -> tuple[WindowsState, Outputs]:
    first_us = microseconds(batch.started_at)
    end_us = first_us + batch.count * SECOND_US
    ledger, new = state.ledger.counted(
        batch.session, batch.first_seq, batch.count, at_s=end_us // SECOND_US
    )
    if not new:
        return replace(state, ledger=ledger), NOTHING
    slots, too_late = dict(state.slots), state.too_late
    for start_s, seqs in _by_base_window(new, first_us - batch.first_seq * SECOND_US):
        key = Key(BASE_S, start_s)
        if state.is_sealed(key):
            too_late += len(seqs)
            continue
        slot = slots.get(key, NEW)
        part = Slot(_sums(batch, seqs, active_score), batch.session, seqs[0], seqs[-1])
        slots[key] = slot.plus(part)
        if slot.rolled:
            _add_to_larger(slots, state, start_s, part)
    heard = WindowsState(
        device=state.device,
        site=batch.site,
        newest_us=max(state.newest_us, end_us),
        ledger=ledger,
        slots=slots,
        sealed=state.sealed,
        too_late=too_late,
    )
    heard = _rolled(heard, heard.newest_us - LATENESS_US)
    return _closed(heard, batch.session, state.newest_us - LATENESS_US)


def _rolled(state: WindowsState, until_us: int) -> WindowsState:
    """Add base windows that end by `until_us` to the larger ones; later, each reading at once."""
    due = [
        key
        for key, slot in state.slots.items()
        if key.length_s == BASE_S and not slot.rolled and key.end_us <= until_us
    ]
    if not due:
        return state
    slots = dict(state.slots)
    for key in due:
        _add_to_larger(slots, state, key.start_s, slots[key])
        slots[key] = slots[key]._replace(rolled=True)
    return replace(state, slots=slots)


def _add_to_larger(slots: dict[Key, Slot], state: WindowsState, start_s: int, part: Slot) -> None:
    for length_s in LARGER_S:
        key = Key(length_s, start_s - start_s % length_s)
        if not state.is_sealed(key):
            slots[key] = slots.get(key, NEW).plus(part)


def _by_base_window(seqs: Sequence[int], zero_us: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Start of a base window, and those of the readings whose midpoint it holds."""
    offset_us = zero_us + SECOND_US // 2
    width_us = BASE_S * SECOND_US
    for index, group in groupby(seqs, lambda seq: (offset_us + seq * SECOND_US) // width_us):
        yield index * BASE_S, list(group)


def _sums(batch: LabelledBatch, seqs: Sequence[int], active_score: int) -> Sums:
    at = [seq - batch.first_seq for seq in seqs]
    return window_sums.of_readings(
        [batch.levels[n] for n in at],
        [batch.labels[n] for n in at] if batch.labels else (),
        calibration=batch.calibration,
        active_score=active_score,
    )


def _closed(
    state: WindowsState, session: str, watermark_before_us: int
) -> tuple[WindowsState, Outputs]:
    """Write what the watermark has just passed, and with each minute the hour as it stands.

    Windows that wait for nothing any more are sealed.
    """
    watermark_us = state.newest_us - LATENESS_US
    closed = sorted(key for key in state.slots if key.end_us <= watermark_us)
    if not closed:
        return state, NOTHING
    given_up_us = _given_up(state, watermark_us)
    slots, sealed, rows = dict(state.slots), dict(state.sealed), []
    minute_closed = False
    for key in closed:
        slot = slots[key]
        done = key.end_us <= given_up_us or (
            slot.session == session and slot.is_complete(state.ledger)
        )
        just_closed = key.end_us > watermark_before_us
        if (done or just_closed) and (slot.dirty or not slot.final):
            rows.append(_row(state, key, slot, final=True))
            slots[key] = slot._replace(dirty=False, final=True)
            minute_closed |= just_closed and key.length_s == MINUTE_S
        if done:
            del slots[key]
            spans = sealed.get(key.length_s, ())
            sealed[key.length_s] = with_span(spans, key.start_s, key.start_s + key.length_s)
    if minute_closed:
        for hour in [key for key in slots if key.length_s == HOUR_S and key.end_us > watermark_us]:
            rows.append(_row(state, hour, slots[hour], final=False))
            slots[hour] = slots[hour]._replace(dirty=False)
    return replace(state, slots=slots, sealed=sealed), _outputs(rows)


def _given_up(state: WindowsState, watermark_us: int) -> int:
    """End of the newest windows that have waited long enough, or are too many."""
    horizon_us = watermark_us - HORIZON_S * SECOND_US
    excess = len(state.slots) - MAX_HELD
    if excess <= 0:
        return horizon_us
    return max(horizon_us, sorted(key.end_us for key in state.slots)[excess - 1])


def _ticked(state: WindowsState, at_us: int) -> tuple[WindowsState, Outputs]:
    """Write corrected windows, and early those of a device that has fallen silent."""
    watermark_us = state.newest_us - LATENESS_US
    state = _rolled(state, max(watermark_us, at_us - IDLE_US))
    due = {
        key: slot
        for key, slot in state.slots.items()
        if slot.dirty and (key.end_us <= watermark_us or key.end_us + IDLE_US <= at_us)
    }
    if not due:
        return state, NOTHING
    written = {
        key: slot._replace(dirty=False, final=key.end_us <= watermark_us)
        for key, slot in due.items()
    }
    rows = [_row(state, key, written[key], final=written[key].final) for key in sorted(written)]
    return replace(state, slots={**state.slots, **written}), _outputs(rows)


def _row(state: WindowsState, key: Key, slot: Slot, *, final: bool) -> Window:
    return window_sums.row(
        slot.sums,
        site=state.site,
        device=state.device,
        started_s=key.start_s,
        length_s=key.length_s,
        final=final,
    )


def _outputs(rows: Sequence[Window]) -> Outputs:
    if not rows:
        return NOTHING
    return Outputs(rows=tuple(rows), messages=tuple(row for row in rows if row.final))

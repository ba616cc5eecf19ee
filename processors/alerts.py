"""Readings -> alerts, by rules with hysteresis; event time and ticks are the only clocks.

Live lane: readings newer than what was heard, with up to 2 s of hold-back for a missing seq.
Readings older than that never touch it. They go through a lane of their own, from cold and in
event-time order, and give historical alerts: stored when they have ended, notified to nobody,
none overlapping another of its rule. The late lane expects a backlog as agents send it, oldest
first; what is older than its own position is counted as too late and not heard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Final

import orjson

from processors import lanes
from processors import ledger as ledgers
from processors.detector import LEVEL_FIELDS, Place, Second
from processors.event_time import SECOND_US, microseconds
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.lanes import SILENCE_US, Lane, Pace
from processors.ledger import Ledger
from processors.rules import Rule
from schemas.base import LabelScores
from schemas.envelopes import LabelledBatch
from schemas.results import Alert

HOLD_US: Final = 2 * SECOND_US
LIVE: Final = Pace(HOLD_US, gap_us=SILENCE_US)
LATE: Final = Pace(hold_us=180 * SECOND_US, gap_us=SECOND_US)
"""A backlog comes in batches of up to a minute, two at a time, and nobody waits for it. Seconds
that are not its own belong to the live lane: each span between them begins from cold."""

LATE_PATIENCE_US: Final = 600 * SECOND_US
"""Received time after which a backlog that stopped coming is taken as it is."""

MAX_SPANS: Final = 32
"""Newest alerts of a rule that historical ones are kept apart from."""

NO_SCORES: Final[LabelScores] = MappingProxyType({})
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AlertsState:
    """State of one device; `spans` are onset and end of its newest alerts, by rule."""

    device: str
    site: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    live: Lane = Lane()  # noqa: RUF009  # frozen
    late: Lane = Lane()  # noqa: RUF009  # frozen
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=lambda: MappingProxyType({}))
    too_late: int = 0

    @property
    def place(self) -> Place:
        """What alerts say of the device."""
        return Place(self.site, self.device)

    def dump(self) -> bytes:
        """Stored form; `load` reads it back."""
        return orjson.dumps(
            [
                self.device,
                self.site,
                self.ledger.dump(),
                self.live.dump(),
                self.late.dump(),
                dict(self.spans),
                self.too_late,
            ]
        )


def load(stored: bytes) -> AlertsState:
    """State of what `AlertsState.dump` gave."""
    device, site, ledger, live, late, spans, too_late = orjson.loads(stored)
    return AlertsState(
        device=device,
        site=site,
        ledger=ledgers.load(ledger),
        live=lanes.load(live),
        late=lanes.load(late),
        spans={rule: tuple((a, b) for a, b in known) for rule, known in spans.items()},
        too_late=too_late,
    )


def fold(rules: Sequence[Rule]) -> Fold[AlertsState]:
    """Make the alerts fold that goes by some rules."""
    return Fold(
        program="alerts",
        empty=AlertsState,
        step=partial(step, rules=tuple(rules)),
        dump=AlertsState.dump,
        load=load,
    )


def step(
    state: AlertsState, event: Event, *, rules: tuple[Rule, ...]
) -> tuple[AlertsState, Outputs]:
    """Let the rules hear a batch, or a tick end what is no longer heard."""
    if isinstance(event, Tick):
        return _ticked(state, microseconds(event.at))
    if event.clock == "unsynced":  # its time is a guess: archived, not folded
        return state, NOTHING
    return _heard(state, event, rules)


def _heard(
    state: AlertsState, batch: LabelledBatch, rules: tuple[Rule, ...]
) -> tuple[AlertsState, Outputs]:
    first_us = microseconds(batch.started_at)
    ledger, new = state.ledger.counted(
        batch.session, batch.first_seq, batch.count, at_s=first_us // SECOND_US + batch.count
    )
    state = replace(state, ledger=ledger, site=batch.site)
    if not new:
        return state, NOTHING
    seconds = _seconds(batch, new, first_us)
    received_us = microseconds(batch.received_at)
    passed = [state.live.is_passed_by(second) for second in seconds]
    state, found = _late(
        state, [s for s, past in zip(seconds, passed, strict=True) if past], received_us, rules
    )
    fresh = [s for s, past in zip(seconds, passed, strict=True) if not past]
    if not fresh:
        return state, _outputs((), found)
    live = lanes.received(lanes.under_rules(state.live, rules), fresh, received_us)
    live, alerts = lanes.heard(live, ledger, state.place, LIVE)
    return _with_ended(replace(state, live=live), alerts), _outputs(alerts, found)


def _late(
    state: AlertsState, seconds: Sequence[Second], received_us: int, rules: tuple[Rule, ...]
) -> tuple[AlertsState, tuple[Alert, ...]]:
    """Let the late lane hear seconds that the live lane has passed by."""
    hearable = [second for second in seconds if not state.late.is_passed_by(second)]
    if len(hearable) < len(seconds):
        state = replace(state, too_late=state.too_late + len(seconds) - len(hearable))
    if not hearable:
        return state, ()
    late = lanes.received(lanes.under_rules(state.late, rules), hearable, received_us)
    late, alerts = lanes.heard(late, state.ledger, state.place, LATE)
    return _historical(replace(state, late=late), alerts)


def _ticked(state: AlertsState, at_us: int) -> tuple[AlertsState, Outputs]:
    live, alerts = _live_ticked(state, at_us)
    late, found = _late_ticked(state, at_us)
    if live is state.live and late is state.late:
        return state, NOTHING
    state = _with_ended(replace(state, live=live, late=late), alerts)
    state, historical = _historical(state, found)
    return state, _outputs(alerts, historical)


def _live_ticked(state: AlertsState, at_us: int) -> lanes.Step:
    lane = state.live
    alerts: tuple[Alert, ...] = ()
    if lane.pending and at_us >= lane.heard_us + HOLD_US:
        lane, alerts = lanes.heard(lane, state.ledger, state.place, LIVE._replace(hold_us=0))
    if lane.is_open and lane.is_silent(at_us):
        lane, ended = lanes.lost(lane, state.place)
        alerts += ended
    return lane, alerts


def _late_ticked(state: AlertsState, at_us: int) -> lanes.Step:
    lane = state.late
    if not (lane.pending or lane.is_open) or at_us < lane.heard_us + LATE_PATIENCE_US:
        return lane, ()
    lane, alerts = lanes.heard(lane, state.ledger, state.place, LATE._replace(hold_us=0))
    lane, ended = lanes.lost(lane, state.place)
    return lane, alerts + ended


def _seconds(batch: LabelledBatch, seqs: Sequence[int], first_us: int) -> list[Second]:
    seconds = []
    for seq in seqs:
        n = seq - batch.first_seq
        levels = batch.levels[n]
        seconds.append(
            Second(
                start_us=first_us + n * SECOND_US,
                session=batch.session,
                seq=seq,
                levels_db=[getattr(levels, field) for field in LEVEL_FIELDS],
                overload=levels.overload,
                scores=dict(batch.labels[n]) if batch.labels else NO_SCORES,
            )
        )
    return seconds


def _with_ended(state: AlertsState, alerts: Sequence[Alert]) -> AlertsState:
    """Remember the spans of alerts that have ended."""
    spans = dict(state.spans)
    for alert in alerts:
        if alert.ended_at is not None:
            span = microseconds(alert.onset_at), microseconds(alert.ended_at)
            spans[alert.rule] = (*spans.get(alert.rule, ()), span)[-MAX_SPANS:]
    return replace(state, spans=spans) if spans != state.spans else state


def _historical(
    state: AlertsState, alerts: Sequence[Alert]
) -> tuple[AlertsState, tuple[Alert, ...]]:
    """Keep those alerts of the late lane that have ended and overlap no other."""
    kept = []
    for alert in alerts:
        if alert.ended_at is not None and _is_apart(state, alert):
            kept.append(alert.model_copy(update={"historical": True, "revision": 0}))
            state = _with_ended(state, kept[-1:])
    return state, tuple(kept)


def _is_apart(state: AlertsState, alert: Alert) -> bool:
    assert alert.ended_at is not None  # noqa: S101  # the caller's condition
    onset_us, ended_us = microseconds(alert.onset_at), microseconds(alert.ended_at)
    open_us = [w.busy_from_us for w in state.live.watches if w.rule.rule == alert.rule]
    return all(ended_us <= a or b <= onset_us for a, b in state.spans.get(alert.rule, ())) and all(
        busy_us is None or ended_us <= busy_us for busy_us in open_us
    )


def _outputs(alerts: Sequence[Alert], historical: Sequence[Alert]) -> Outputs:
    """Rows of all alerts as they stand now; messages of every change of a live one."""
    if not alerts and not historical:
        return NOTHING
    rows = {alert.alert_id: alert for alert in (*alerts, *historical)}
    return Outputs(rows=tuple(rows.values()), messages=tuple(alerts))

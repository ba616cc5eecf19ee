"""Readings -> alerts, by rules with hysteresis; event time and ticks are the only clocks.

Live lane: readings newer than what was heard, with up to 2 s of hold-back for a missing seq.
Readings older than that never touch it: once their gap is filled or declared dropped, they are
evaluated from cold and give historical alerts, stored when they have ended, notified to nobody,
none overlapping another of its rule.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import orjson

from processors import lanes, late
from processors import ledger as ledgers
from processors.detector import Place
from processors.event_time import SECOND_US, microseconds, moment
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.lanes import Heard, Known, Lane
from processors.late import Late
from processors.ledger import Ledger
from processors.rule_terms import LEVEL_FIELDS, Second
from processors.rules import Rule
from schemas.errors import BadConfig
from schemas.readings import AnyBatch
from schemas.results import Alert

HOLD_US: Final = 2 * SECOND_US
MAX_SPANS: Final = 64
"""Newest alerts of a rule that historical ones are kept apart from."""

FORMAT: Final = 3
_UNCALIBRATED: Final = 2
"""The format before, which says nothing of calibration."""

Span = tuple[int, int]


class AlertsState(NamedTuple):
    """State of one device; `spans` are onset and end of its newest alerts, by rule.

    `unsure` counts historical alerts older than those spans: whether they overlap another cannot
    be told, so they are not stored.
    """

    device: str
    site: str = ""
    ledger: Ledger = Ledger()
    dropped: Ledger = Ledger()
    live: Lane = Lane()
    late: Late = Late()
    spans: Mapping[str, tuple[Span, ...]] = MappingProxyType({})
    unsure: int = 0

    @property
    def place(self) -> Place:
        """What alerts say of the device."""
        return Place(self.site, self.device)

    @property
    def known(self) -> Known:
        """What is known of its readings."""
        return Known(self.ledger, self.dropped)

    def dump(self) -> bytes:
        """Stored form; `load` reads it back."""
        return orjson.dumps(
            [
                FORMAT,
                self.device,
                self.site,
                self.ledger.dump(),
                self.dropped.dump(),
                self.live.dump(),
                self.late.dump(),
                dict(self.spans),
                self.unsure,
            ]
        )


def load(stored: bytes) -> AlertsState:
    """State of what `AlertsState.dump` gave; BadConfig if a newer version of ours gave it."""
    form, *rest = orjson.loads(stored)
    if form not in (_UNCALIBRATED, FORMAT):
        return _of_first_format(form, rest)
    device, site, ledger, dropped, live, late_seconds, spans, unsure = rest
    return AlertsState(
        device=device,
        site=site,
        ledger=ledgers.load(ledger),
        dropped=ledgers.load(dropped),
        live=lanes.load(live),
        late=late.load(late_seconds),
        spans={rule: tuple((a, b) for a, b in known) for rule, known in spans.items()},
        unsure=unsure,
    )


def _of_first_format(device: object, stored: Sequence[Any]) -> AlertsState:
    """Keep what has been counted; lanes of the first format cannot be read any more."""
    if not isinstance(device, str):
        raise BadConfig(f"a state of alerts has format {device!r}: written by a newer version")
    site, ledger, *_ = stored
    return AlertsState(device=device, site=site, ledger=ledgers.load(ledger))


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
        return _ticked(state, event, rules)
    if event.clock == "unsynced":  # its time is a guess: archived, not folded
        return state, NOTHING
    return _heard(state, event, rules)


def _heard(
    state: AlertsState, batch: AnyBatch, rules: tuple[Rule, ...]
) -> tuple[AlertsState, Outputs]:
    first_us = microseconds(batch.started_at)
    ledger, new = state.ledger.counted(
        batch.session, batch.first_seq, batch.count, at_s=first_us // SECOND_US + batch.count
    )
    state = state._replace(ledger=ledger, site=batch.site)
    if not new:
        return state, NOTHING
    rules = tuple(rule for rule in rules if rule.concerns(state.site, state.device))
    received_us = microseconds(batch.received_at)
    seconds = _seconds(batch, new, first_us)
    past = [second for second in seconds if state.live.is_passed_by(second)]
    fresh = [second for second in seconds if not state.live.is_passed_by(second)]
    alerts: tuple[Alert, ...] = ()
    if fresh:
        live = lanes.received(state.live, fresh, received_us)
        live, alerts, passed = lanes.heard(live, state.known, state.place, rules, hold_us=HOLD_US)
        state, past = _with_ended(state._replace(live=live), alerts), [*past, *passed]
    if not past:
        return state, _outputs(alerts, ())
    return _with_late(state, late.received(state.late, past, received_us), alerts, rules)


def _with_late(
    state: AlertsState, waiting: Late, alerts: Sequence[Alert], rules: Sequence[Rule]
) -> tuple[AlertsState, Outputs]:
    """Let late seconds be heard, beside live alerts that there are already."""
    after, found = late.heard(waiting, state.known, state.place, rules)
    state, historical = _historical(state._replace(late=after), found)
    return state, _outputs(alerts, historical)


def _ticked(state: AlertsState, tick: Tick, rules: tuple[Rule, ...]) -> tuple[AlertsState, Outputs]:
    before, at_us = state, microseconds(tick.at)
    state = _with_dropped(state, tick, at_us // SECOND_US)
    any_dropped = state is not before
    rules = tuple(rule for rule in rules if rule.concerns(state.site, state.device))
    live, alerts, passed = _live_ticked(state, at_us, rules, any_dropped=any_dropped)
    if live is not state.live:
        state = _with_ended(state._replace(live=live), alerts)
    if passed or any_dropped:
        waiting = late.received(state.late, passed, at_us)
        return _with_late(state, waiting, alerts, rules)
    if state.late.is_busy and at_us >= state.late.heard_us + late.PATIENCE_US:
        after, found = late.given_up(state.late, state.place, rules)
        state, historical = _historical(state._replace(late=after), found)
        return state, _outputs(alerts, historical)
    return state, _outputs(alerts, ())


def _live_ticked(
    state: AlertsState, at_us: int, rules: Sequence[Rule], *, any_dropped: bool
) -> Heard:
    """Hold back no longer what waits; end what is open if nothing comes any more."""
    lane = state.live
    alerts: tuple[Alert, ...] = ()
    passed: tuple[Second, ...] = ()
    waited = at_us >= lane.heard_us + HOLD_US
    if lane.pending and (waited or any_dropped):
        hold_us = 0 if waited else HOLD_US
        lane, alerts, passed = lanes.heard(lane, state.known, state.place, rules, hold_us=hold_us)
    if lane.is_open:
        lane = lanes.ticked(lane, at_us)
    if lane.is_open and lane.is_silent:
        lane, ended = lanes.lost(lane, state.place)
        alerts += ended
    return Heard(lane, alerts, passed)


def _with_dropped(state: AlertsState, tick: Tick, at_s: int) -> AlertsState:
    """Remember which readings will never come; devices say so again and again."""
    dropped = state.dropped
    for lost in tick.dropped:
        dropped = dropped.declared(lost.session, lost.first_seq, lost.count, at_s=at_s)
    return state if dropped is state.dropped else state._replace(dropped=dropped)


def _seconds(batch: AnyBatch, seqs: Sequence[int], first_us: int) -> list[Second]:
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
                scores=dict(batch.labels[n]) if batch.labels else {},
                calibrated=batch.calibration is not None,
            )
        )
    return seconds


def _with_ended(state: AlertsState, alerts: Sequence[Alert]) -> AlertsState:
    """Remember the spans of alerts that have ended."""
    spans = dict(state.spans)
    for alert in alerts:
        if alert.ended_at is not None:
            span = microseconds(alert.onset_at), microseconds(alert.ended_at)
            known = sorted((*spans.get(alert.rule, ()), span))
            spans[alert.rule] = tuple(known[-MAX_SPANS:])
    return state._replace(spans=spans) if spans != state.spans else state


def _historical(
    state: AlertsState, alerts: Sequence[Alert]
) -> tuple[AlertsState, tuple[Alert, ...]]:
    """Keep those alerts of late spans that have ended and overlap no other."""
    kept = []
    for alert in alerts:
        if alert.ended_at is None:
            continue
        ended_at = min(alert.ended_at, moment(state.live.position_us))
        found = alert.model_copy(update={"historical": True, "revision": 0, "ended_at": ended_at})
        match _is_apart(state, found):
            case "apart":
                kept.append(found)
                state = _with_ended(state, [found])
            case "unsure":
                state = state._replace(unsure=state.unsure + 1)
    return state, tuple(kept)


def _is_apart(state: AlertsState, alert: Alert) -> Literal["apart", "overlaps", "unsure"]:
    """Whether a historical alert touches no other of its rule, as far as these are remembered."""
    assert alert.ended_at is not None  # noqa: S101  # the caller's condition
    onset_us, ended_us = microseconds(alert.onset_at), microseconds(alert.ended_at)
    spans = state.spans.get(alert.rule, ())
    if len(spans) == MAX_SPANS and onset_us < spans[0][1]:
        return "unsure"
    open_us = [w.busy_from_us for w in state.live.watches if w.rule.rule == alert.rule]
    apart = all(ended_us <= a or b <= onset_us for a, b in spans) and all(
        busy_us is None or ended_us <= busy_us for busy_us in open_us
    )
    return "apart" if apart else "overlaps"


def _outputs(alerts: Sequence[Alert], historical: Sequence[Alert]) -> Outputs:
    """Rows of all alerts as they stand now; messages of every change of a live one."""
    if not alerts and not historical:
        return NOTHING
    rows = {alert.alert_id: alert for alert in (*alerts, *historical)}
    return Outputs(rows=tuple(rows.values()), messages=tuple(alerts))

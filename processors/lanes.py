"""Puts the seconds of a device into event-time order and lets the rules hear them.

A second is heard as soon as the one before it in its session has come; after a missing seq it
waits until event time is `hold_us` past it.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from processors import detector, rules
from processors.detector import Met, Open, Place, Second, Watch
from processors.event_time import SECOND_US
from processors.ledger import Ledger
from processors.rules import Rule
from schemas.results import Alert

SILENCE_US: Final = 30 * SECOND_US


class Pace(NamedTuple):
    """How long a lane waits for a missing seq, and what gap in event time ends its alerts."""

    hold_us: int
    gap_us: int


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a device is in its own time; `newest_us`, `span_us`: event time, `heard_us`: received.

    `span_us` is the length of the newest batch: a device that sends once a minute is not lost
    after half of it.
    """

    position_us: int = 0
    session: str = ""
    next_seq: int = 0
    newest_us: int = 0
    heard_us: int = 0
    span_us: int = 0
    pending: tuple[Second, ...] = ()
    watches: tuple[Watch, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether any alert is open."""
        return any(watch.open for watch in self.watches)

    def is_passed_by(self, second: Second) -> bool:
        """Whether the middle of a second lies before what has been heard."""
        return second.start_us + SECOND_US // 2 < self.position_us

    def is_silent(self, at_us: int) -> bool:
        """Whether received time says that the device's signal is lost."""
        return at_us >= self.heard_us + SILENCE_US + self.span_us - SECOND_US

    def dump(self) -> list[object]:
        """Form for JSON; `load` reads it back."""
        return [
            self.position_us,
            self.session,
            self.next_seq,
            self.newest_us,
            self.heard_us,
            self.span_us,
            [[*second] for second in self.pending],
            [
                [
                    rules.stored(watch.rule),
                    [[*met] for met in watch.recent],
                    [*watch.open] if watch.open else None,
                    watch.silent_until_us,
                ]
                for watch in self.watches
            ],
        ]


Step = tuple[Lane, tuple[Alert, ...]]


def load(stored: Sequence[Any]) -> Lane:
    """Lane of what `Lane.dump` gave."""
    position_us, session, next_seq, newest_us, heard_us, span_us, pending, watches = stored
    return Lane(
        position_us,
        session,
        next_seq,
        newest_us,
        heard_us,
        span_us,
        pending=tuple(Second(*second) for second in pending),
        watches=tuple(
            Watch(
                rule=rules.restored(rule),
                recent=tuple(Met(*met) for met in recent),
                open=Open(*opened) if opened else None,
                silent_until_us=silent_until_us,
            )
            for rule, recent, opened, silent_until_us in watches
        ),
    )


def under_rules(lane: Lane, current: Sequence[Rule]) -> Lane:
    """Go by the current rules, but let what is open end under the rule that opened it."""
    if len(lane.watches) == len(current) and all(
        watch.rule is rule for watch, rule in zip(lane.watches, current, strict=True)
    ):
        return lane
    known = {watch.rule.rule: watch for watch in lane.watches}
    watches = [_under_rule(known.pop(rule.rule, None), rule) for rule in current]
    orphans = [watch for watch in known.values() if watch.open]
    return replace(lane, watches=(*watches, *orphans))


def received(lane: Lane, seconds: Sequence[Second], received_us: int) -> Lane:
    """Put new seconds of one batch into the lane, in order; nothing is heard yet."""
    pending = list(lane.pending)
    for second in seconds:
        insort(pending, second, key=_event_order)
    return replace(
        lane,
        newest_us=max(lane.newest_us, seconds[-1].end_us),
        heard_us=max(lane.heard_us, received_us),
        span_us=len(seconds) * SECOND_US,
        pending=tuple(pending),
    )


def heard(lane: Lane, ledger: Ledger, place: Place, pace: Pace) -> Step:
    """Let the rules hear every second whose turn it is; `ledger` has counted all of them."""
    alerts: list[Alert] = []
    waiting = lane.pending
    count = 0
    for second in waiting:
        if not _follows(lane, ledger, second) and lane.newest_us - second.end_us < pace.hold_us:
            break
        count += 1
        lane, new = _heard_one(lane, second, place, pace.gap_us)
        alerts += new
    return replace(lane, pending=waiting[count:]), tuple(alerts)


def lost(lane: Lane, place: Place) -> Step:
    """End whatever is open where the signal ended."""
    steps = [detector.lost(watch, lane.position_us, place) for watch in lane.watches]
    return _with_watches(lane, steps)


def _follows(lane: Lane, ledger: Ledger, second: Second) -> bool:
    if second.seq == 0:  # the end of another session may still be on its way
        return False
    if second.seq == lane.next_seq and second.session == lane.session:
        return True
    return ledger.holds(second.session, second.seq - 1, second.seq - 1)


def _heard_one(lane: Lane, second: Second, place: Place, gap_us: int) -> Step:
    ended: tuple[Alert, ...] = ()
    if lane.position_us and second.start_us - lane.position_us >= gap_us:
        lane, ended = lost(lane, place)
    if second.start_us < lane.position_us:  # clocks are slewed, spans of alerts must not overlap
        second = second._replace(start_us=lane.position_us)
    lane, new = _with_watches(lane, [detector.hear(w, second, place) for w in lane.watches])
    lane = replace(lane, position_us=second.end_us, session=second.session, next_seq=second.seq + 1)
    return lane, ended + new


def _with_watches(lane: Lane, steps: Iterable[detector.Step]) -> Step:
    watches, alerts = zip(*steps, strict=True) if (steps := list(steps)) else ((), ())
    return replace(lane, watches=watches), tuple(a for new in alerts for a in new)


def _under_rule(watch: Watch | None, rule: Rule) -> Watch:
    if watch is None:
        return Watch(rule)
    if watch.rule == rule:
        return replace(watch, rule=rule)
    return watch if watch.open else Watch(rule, silent_until_us=watch.silent_until_us)


def _event_order(second: Second) -> tuple[int, str, int]:
    return second.start_us, second.session, second.seq

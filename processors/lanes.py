"""Puts the seconds of a device into event-time order and lets the rules hear them.

A second is heard as soon as the one before it in its session has come or is known to be lost;
otherwise it waits until event time is `hold_us` past it.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from processors import background, detector, rules
from processors.background import Background
from processors.detector import Met, Open, Place, Watch
from processors.event_time import SECOND_US
from processors.ledger import Ledger
from processors.rule_terms import Second
from processors.rules import Rule
from schemas.errors import BadConfig
from schemas.results import Alert

SILENCE_US: Final = 30 * SECOND_US
"""A gap in event time, or ticks without readings, after which the signal was lost."""

TICKS_US: Final = 10 * SECOND_US
"""Ticks come every 5 s; of a longer pause no more than this counts, for nobody listened."""


class Known(NamedTuple):
    """What is known of the readings of a device: counted, or lost for good."""

    counted: Ledger
    dropped: Ledger

    def settles(self, session: str, seq: int) -> bool:
        """Whether there is nothing to wait for."""
        return self.counted.holds(session, seq, seq) or self.dropped.holds(session, seq, seq)


class Lane(NamedTuple):
    """Where a device is in its own time; `newest_us`, `span_us`: event time, `heard_us`: received.

    `span_us` is the length of the newest batch: a device that sends once a minute is not lost
    after half of it. `silent_us`: ticks since then while something is open, the last `ticked_us`.
    """

    position_us: int = 0
    session: str = ""
    next_seq: int = 0
    newest_us: int = 0
    heard_us: int = 0
    span_us: int = 0
    pending: tuple[Second, ...] = ()
    watches: tuple[Watch, ...] = ()
    background: Background = Background()
    ticked_us: int = 0
    silent_us: int = 0

    @property
    def is_open(self) -> bool:
        """Whether any alert is open."""
        return any(watch.open for watch in self.watches)

    def is_passed_by(self, second: Second) -> bool:
        """Whether the middle of a second lies before what has been heard."""
        return second.start_us + SECOND_US // 2 < self.position_us

    @property
    def is_silent(self) -> bool:
        """Whether ticks say that the device's signal is lost."""
        return self.silent_us >= SILENCE_US + self.span_us - SECOND_US

    def dump(self) -> list[object]:
        """Form for JSON; `load` reads it back. A rule that remembers nothing is left out."""
        return [
            self.position_us,
            self.session,
            self.next_seq,
            self.newest_us,
            self.heard_us,
            self.span_us,
            [[*second] for second in self.pending],
            [_dumped(watch) for watch in self.watches if watch != Watch(watch.rule)],
            self.background.dump(),
            self.ticked_us,
            self.silent_us,
        ]


Step = tuple[Lane, tuple[Alert, ...]]


class Heard(NamedTuple):
    """What came of it; `passed`: seconds that lay before others when it was their turn."""

    lane: Lane
    alerts: tuple[Alert, ...] = ()
    passed: tuple[Second, ...] = ()


def load(stored: Sequence[Any]) -> Lane:
    """Lane of what `Lane.dump` gave; BadConfig if an alert is open by what is no rule any more."""
    position_us, session, next_seq, newest_us, heard_us, span_us, *rest = stored
    pending, watches, quiet, ticked_us, silent_us = rest
    return Lane(
        position_us,
        session,
        next_seq,
        newest_us,
        heard_us,
        span_us,
        pending=tuple(Second(*second) for second in pending),
        watches=tuple(watch for one in watches if (watch := _loaded(*one)) is not None),
        background=background.load(quiet),
        ticked_us=ticked_us,
        silent_us=silent_us,
    )


def _dumped(watch: Watch) -> list[object]:
    return [
        rules.stored(watch.rule),
        [[*met] for met in watch.recent],
        [*watch.open] if watch.open else None,
        watch.silent_until_us,
    ]


def _loaded(
    stored: dict[str, Any], recent: list[Any], opened: list[Any] | None, silent_until_us: int
) -> Watch | None:
    """Watch of a rule; none if there can be no such rule any more, and nothing to end under it."""
    try:
        rule = rules.restored(stored)
    except BadConfig as wrong:
        if opened:
            raise BadConfig(f"an alert is open that another version raised: {wrong}") from None
        return None
    return Watch(
        rule, tuple(Met(*met) for met in recent), Open(*opened) if opened else None, silent_until_us
    )


def under_rules(lane: Lane, current: Sequence[Rule]) -> Lane:
    """Go by the current rules, but let an alert that is open end under the rule that raised it."""
    if len(lane.watches) == len(current) and all(
        watch.rule is rule for watch, rule in zip(lane.watches, current, strict=True)
    ):
        return lane
    known = {watch.rule.rule: watch for watch in lane.watches}
    watches = [_under_rule(known.pop(rule.rule, None), rule) for rule in current]
    orphans = [replace(watch, retired=True) for watch in known.values() if watch.is_raised]
    return lane._replace(watches=(*watches, *orphans))


def received(lane: Lane, seconds: Sequence[Second], received_us: int) -> Lane:
    """Put new seconds of one batch into the lane, in order; nothing is heard yet."""
    pending = list(lane.pending)
    for second in seconds:
        insort(pending, second, key=event_order)
    return lane._replace(
        newest_us=max(lane.newest_us, seconds[-1].end_us),
        heard_us=max(lane.heard_us, received_us),
        span_us=len(seconds) * SECOND_US,
        pending=tuple(pending),
        silent_us=0,
    )


def ticked(lane: Lane, at_us: int) -> Lane:
    """Count the silence up to a tick."""
    passed_us = at_us - max(lane.heard_us, lane.ticked_us)
    silent_us = lane.silent_us + min(max(passed_us, 0), TICKS_US)
    return lane._replace(ticked_us=max(at_us, lane.ticked_us), silent_us=silent_us)


def heard(
    lane: Lane, known: Known, place: Place, current: Sequence[Rule], *, hold_us: int
) -> Heard:
    """Let the current rules hear every second whose turn it is; all of them have been counted."""
    alerts: list[Alert] = []
    passed: list[Second] = []
    waiting = lane.pending
    count = 0
    for second in waiting:
        if not _follows(lane, known, second) and lane.newest_us - second.end_us < hold_us:
            break
        count += 1
        if lane.is_passed_by(second):  # by another session: two agents with one device id
            passed.append(second)
            continue
        lane, new = hear(under_rules(lane, current), second, place)
        alerts += new
    return Heard(lane._replace(pending=waiting[count:]), tuple(alerts), tuple(passed))


def hear(lane: Lane, second: Second, place: Place) -> Step:
    """Let the rules hear the next second."""
    ended: tuple[Alert, ...] = ()
    if lane.position_us and second.start_us - lane.position_us >= SILENCE_US:
        lane, ended = lost(lane, place)
    if second.start_us < lane.position_us:  # clocks are slewed, spans of alerts must not overlap
        second = second._replace(start_us=lane.position_us)
    before = after = lane.background
    if any(watch.rule.needs_background for watch in lane.watches):
        before = before.of(calibrated=second.calibrated).at(second.start_us)
        after = before.plus(second.levels_db[0])
    steps = [detector.hear(watch, second, place, before.level_db) for watch in lane.watches]
    lane = lane._replace(
        position_us=second.end_us,
        session=second.session,
        next_seq=second.seq + 1,
        watches=tuple(watch for watch, _ in steps),
        background=after,
    )
    return lane, ended + tuple(alert for _, new in steps for alert in new)


def lost(lane: Lane, place: Place) -> Step:
    """End whatever is open where the signal ended."""
    steps = [detector.lost(watch, lane.position_us, place) for watch in lane.watches]
    alerts = tuple(alert for _, new in steps for alert in new)
    return lane._replace(watches=tuple(watch for watch, _ in steps)), alerts


def event_order(second: Second) -> tuple[int, str, int]:
    """By time; what it is compared by when two agents have one device id."""
    return second.start_us, second.session, second.seq


def _follows(lane: Lane, known: Known, second: Second) -> bool:
    if second.seq == 0:  # the end of another session may still be on its way
        return False
    if second.seq == lane.next_seq and second.session == lane.session:
        return True
    return known.settles(second.session, second.seq - 1)


def _under_rule(watch: Watch | None, rule: Rule) -> Watch:
    if watch is None:
        return Watch(rule)
    if watch.rule == rule:
        return replace(watch, rule=rule, retired=False)
    if watch.is_raised:
        return replace(watch, retired=True)
    return Watch(rule, silent_until_us=watch.silent_until_us)

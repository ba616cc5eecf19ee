"""Seconds that came after the live lane had passed them by: each span evaluated from cold.

A second is heard when the one before it in its session has been heard here, was heard live, or is
declared dropped; so a span is heard in event-time order as its gap is filled from the front, and
it ends where the gap does. Nobody waits for it, and nothing of it touches the live lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from processors import lanes
from processors.detector import Place
from processors.event_time import SECOND_US
from processors.lanes import Known, Lane, event_order
from processors.rule_terms import Second
from processors.rules import Rule
from schemas.results import Alert

PATIENCE_US: Final = 600 * SECOND_US
"""Received time after which a backlog that stopped coming is taken as it is."""

MAX_WAITING: Final = 600
"""Seconds that wait for an earlier one; beyond, the earliest is not waited for any more."""

MAX_RUNS: Final = 16
"""Spans under way at once; the one that has been quiet longest is ended for another."""


@dataclass(frozen=True, slots=True)
class Late:
    """Spans under way, the newest last, and seconds that wait; `heard_us`: received time."""

    waiting: tuple[Second, ...] = ()
    runs: tuple[Lane, ...] = ()
    heard_us: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self.waiting or self.runs)

    def dump(self) -> list[object]:
        """Form for JSON; `load` reads it back."""
        waiting = [[*second] for second in self.waiting]
        return [waiting, [run.dump() for run in self.runs], self.heard_us]


Step = tuple[Late, tuple[Alert, ...]]


def load(stored: Sequence[Any]) -> Late:
    """Late seconds of what `Late.dump` gave."""
    waiting, runs, heard_us = stored
    return Late(
        tuple(Second(*second) for second in waiting),
        tuple(lanes.load(run) for run in runs),
        heard_us,
    )


def received(late: Late, seconds: Sequence[Second], received_us: int) -> Late:
    """Put new seconds among those that wait."""
    waiting = tuple(sorted((*late.waiting, *seconds), key=event_order))
    return replace(late, waiting=waiting, heard_us=max(late.heard_us, received_us))


def heard(late: Late, known: Known, place: Place, rules: Sequence[Rule]) -> Step:
    """Hear what can be heard, and end the spans whose gap is closed."""
    alerts: list[Alert] = []
    waiting = {(second.session, second.seq): second for second in late.waiting}
    runs = list(late.runs)
    for second in late.waiting:
        if _is_awaited(runs, second) or _begins(waiting, known, second) or _is_full(waiting):
            del waiting[second.session, second.seq]
            alerts += _heard(runs, second, place, rules)
    for run in list(runs):
        following = run.session, run.next_seq
        if following not in waiting and known.settles(*following):
            runs.remove(run)
            alerts += lanes.lost(run, place)[1]
    return Late(tuple(waiting.values()), tuple(runs), late.heard_us), tuple(alerts)


def given_up(late: Late, place: Place, rules: Sequence[Rule]) -> Step:
    """Take what has come as it is."""
    alerts: list[Alert] = []
    runs = list(late.runs)
    for second in late.waiting:
        alerts += _heard(runs, second, place, rules)
    for run in runs:
        alerts += lanes.lost(run, place)[1]
    return Late(heard_us=late.heard_us), tuple(alerts)


def _heard(
    runs: list[Lane], second: Second, place: Place, rules: Sequence[Rule]
) -> tuple[Alert, ...]:
    """Hear a second in its run, which moves to the end of `runs`."""
    ended: tuple[Alert, ...] = ()
    run = next((run for run in runs if _is_next(run, second)), None)
    if run is not None:
        runs.remove(run)
    elif len(runs) >= MAX_RUNS:
        ended = lanes.lost(runs.pop(0), place)[1]
    run, new = lanes.hear(lanes.under_rules(run or Lane(), rules), second, place)
    runs.append(run)
    return ended + new


def _is_next(run: Lane, second: Second) -> bool:
    return (run.session, run.next_seq) == (second.session, second.seq)


def _is_awaited(runs: Sequence[Lane], second: Second) -> bool:
    return any(_is_next(run, second) for run in runs)


def _begins(waiting: dict[tuple[str, int], Second], known: Known, second: Second) -> bool:
    """Whether nothing before it in its session is still to be heard here."""
    if second.seq == 0:
        return True
    before = second.session, second.seq - 1
    return before not in waiting and known.settles(*before)


def _is_full(waiting: dict[tuple[str, int], Second]) -> bool:
    return len(waiting) > MAX_WAITING

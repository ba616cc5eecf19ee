"""What a rule means, said once more without any state: brute force over a complete series.

Slow and simple. It looks forward and backward in the series as it likes, which the fold cannot.
Rules that merge events have no cooldown here and no longest duration that matters.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from processors.rule_terms import LEVEL_FIELDS
from processors.rules import LabelRule, LevelRule, Rule

SILENCE_S = 30
NEVER = 10**9


class Heard(NamedTuple):
    """One second: when it began, in whole seconds since the epoch, and what it was."""

    at: int
    laeq_db: float
    scores: dict[str, int]
    overload: bool = False
    calibrated: bool = True


class Found(NamedTuple):
    """An alert: times in whole seconds since the epoch."""

    onset: int
    raised: int
    ended: int
    reason: str
    active_s: int
    peak_db: float
    background_db: float | None


class _Event(NamedTuple):
    """Indices: first second that counts, decision, first quiet second and decision of the end."""

    onset: int
    begun: int
    quiet: int
    over: int


def found(rule: Rule, series: Sequence[Heard]) -> list[Found]:
    """All alerts of a rule in seconds that are in order."""
    backgrounds = [_background(series, n) for n in range(len(series))]
    counts = [_level(rule, one, b) >= _on(rule) for one, b in zip(series, backgrounds, strict=True)]
    holds = [_level(rule, one, b) >= _off(rule) for one, b in zip(series, backgrounds, strict=True)]
    breaks = [n for n, (a, b) in enumerate(pairwise(series), 1) if b.at - a.at - 1 >= SILENCE_S]
    alerts: list[Found] = []
    silent = 0
    for first, end in pairwise([0, *breaks, len(series)]):
        stretch = _Stretch(rule, series[first:end], counts[first:end], holds[first:end])
        some = stretch.merged() if rule.merge_s else stretch.one_by_one(silent)
        for alert, onset, decided in some:
            alerts.append(alert._replace(background_db=_of(rule, backgrounds[first + onset])))
            silent = decided + rule.cooldown_s
    return alerts


class _Stretch:
    """Seconds without a gap that would end an alert."""

    def __init__(
        self, rule: Rule, series: Sequence[Heard], counts: Sequence[bool], holds: Sequence[bool]
    ) -> None:
        self._rule = rule
        self._at = [one.at for one in series]
        self._series = series
        self._counts = counts
        self._holds = holds
        self._end = len(series)

    def one_by_one(self, silent: int) -> list[tuple[Found, int, int]]:
        """Alerts with the index of the decision and the time from which cooldown counts."""
        alerts, after = [], 0
        while (event := self._next(after, silent)) is not None:
            raised = self._first_long_enough(event)
            longest = self._first_at(event.begun, event.onset, self._rule.max_duration_s)
            longest = longest + 1 if longest == raised else longest
            if event.over < self._end and event.over <= longest:
                close, ended, reason = event.over, self._at[event.quiet], "cleared"
            elif longest < self._end:
                close, ended, reason = longest, self._at[longest] + 1, "max_duration"
            else:
                close, ended, reason = self._end - 1, self._at[-1] + 1, "signal_lost"
            after = close + 1
            if raised <= close:
                until = event._replace(quiet=close + 1 if reason != "cleared" else event.quiet)
                silent = self._at[close] + 1 + self._rule.cooldown_s
                alert = self._found([until], raised, ended, reason)
                alerts.append((alert, event.begun, self._at[close] + 1))
        return alerts

    def merged(self) -> list[tuple[Found, int, int]]:
        """Alerts of events that are joined where they are near enough."""
        groups: list[list[_Event]] = []
        after = 0
        while (event := self._next(after, 0)) is not None:
            near = groups and (
                self._at[event.onset] < self._at[groups[-1][-1].quiet] + self._rule.merge_s
            )
            if near:
                groups[-1].append(event)
            else:
                groups.append([event])
            after = event.over + 1
        alerts = []
        for group in groups:
            onset = group[0].onset
            raised = min(self._first_long_enough(event, onset) for event in group)
            is_over = group[-1].over < self._end
            ended = self._at[group[-1].quiet] if is_over else self._at[-1] + 1
            if raised < self._end:
                reason = "cleared" if is_over else "signal_lost"
                alerts.append((self._found(group, raised, ended, reason), group[0].begun, 0))
        return alerts

    def _next(self, after: int, silent: int) -> _Event | None:
        """The first event that begins with seconds from `after` on."""
        for begun in range(after, self._end):
            recent = [
                n
                for n in range(after, begun + 1)
                if self._counts[n] and self._at[n] > self._at[begun] - self._rule.of_seconds
            ]
            enough = len(recent) >= self._rule.on_seconds
            if self._counts[begun] and enough and self._at[begun] >= silent:
                return _Event(recent[0], begun, *self._over(begun))
        return None

    def _over(self, begun: int) -> tuple[int, int]:
        """First of so many quiet seconds in a row, and the last; the end if there are none."""
        quiet_s = self._rule.off_seconds
        for last in range(begun + quiet_s, self._end):
            first = last - quiet_s + 1
            if not any(self._holds[first : last + 1]):
                return first, last
        return self._end, self._end

    def _first_long_enough(self, event: _Event, onset: int | None = None) -> int:
        """When the event is an alert."""
        start = self._at[event.onset if onset is None else onset]
        for n in range(event.begun, min(event.quiet, self._end)):
            if self._holds[n] and self._at[n] + 1 - start >= self._rule.min_duration_s:
                return n
        return NEVER

    def _first_at(self, begun: int, onset: int, lasted_s: int) -> int:
        late = (n for n in range(begun, self._end) if self._at[n] + 1 - self._at[onset] >= lasted_s)
        return next(late, NEVER)

    def _found(self, events: Sequence[_Event], raised: int, ended: int, reason: str) -> Found:
        counted = [
            n
            for event in events
            for n in range(event.onset, min(event.quiet, self._end))
            if self._counts[n]
        ]
        return Found(
            onset=self._at[events[0].onset],
            raised=self._at[raised] + 1,
            ended=ended,
            reason=reason,
            active_s=len(counted),
            peak_db=max(self._series[n].laeq_db for n in counted),
            background_db=None,
        )


def _level(rule: Rule, one: Heard, background_db: float | None) -> float:
    if isinstance(rule, LabelRule):
        return one.scores.get(rule.label, 0)
    if rule.labels and all(one.scores.get(label, 0) < 500 for label in rule.labels):
        return -NEVER
    if one.overload:
        return NEVER
    if not rule.above:
        return one.laeq_db + LEVEL_OFFSET[LEVEL_FIELDS.index(rule.level)]
    return -NEVER if background_db is None else one.laeq_db - background_db


LEVEL_OFFSET = (0.0, 4.5, 6.0, 8.0, 3.0)
"""Of the other levels from LAeq, as `builders.levels` makes them."""


def _on(rule: Rule) -> float:
    return rule.on_score if isinstance(rule, LabelRule) else rule.on_db


def _off(rule: Rule) -> float:
    return rule.off_score if isinstance(rule, LabelRule) else rule.off_db


def _of(rule: Rule, background_db: float | None) -> float | None:
    return background_db if isinstance(rule, LevelRule) and rule.above else None


def _background(series: Sequence[Heard], n: int) -> float | None:
    """L90 of the last hour: twelve times five minutes, without the minute that has not ended.

    Of the seconds since the levels are calibrated, or since they are not.
    """
    minute, calibrated = series[n].at // 60, series[n].calibrated
    begin = max((m + 1 for m in range(n) if series[m].calibrated != calibrated), default=0)
    levels = sorted(
        one.laeq_db
        for one in series[begin:n]
        if one.at // 60 < minute and one.at // 300 > minute // 5 - 12
    )
    if len(levels) < 60:
        return None
    return round(levels[(len(levels) - 1) - (-(-len(levels) * 90 // 100) - 1)] * 2) / 2

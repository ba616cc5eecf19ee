"""What a replay found otherwise than the live run: alerts gained, lost and moved. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from processors.rules import Rule
from schemas.base import Frozen


class Found(Frozen):
    """An alert that has ended, as far as it can be told from others."""

    alert_id: str
    rule: str
    device: str
    onset_at: datetime
    ended_at: datetime
    rest: Mapping[str, Any] = Field(description="what else its row says")

    def overlap_s(self, other: "Found") -> float:
        """Seconds that both last; negative if they are apart."""
        begin, end = max(self.onset_at, other.onset_at), min(self.ended_at, other.ended_at)
        return (end - begin).total_seconds()


class Moved(Frozen):
    """The same sound, found otherwise; seconds are positive where the replay is later."""

    live: Found
    replayed: Found
    onset_s: float
    end_s: float
    columns: tuple[str, ...] = Field(description="what else is different")


class AlertDiff(Frozen):
    """Alerts of the replay against those of the live run."""

    same: int
    gained: tuple[Found, ...]
    lost: tuple[Found, ...]
    moved: tuple[Moved, ...]

    def counts(self) -> Mapping[str, int]:
        """How many of each."""
        return {
            "same": self.same,
            "gained": len(self.gained),
            "lost": len(self.lost),
            "moved": len(self.moved),
        }


class ColumnDiff(Frozen):
    """One column of the windows that are on both sides."""

    windows: int = Field(description="in how many it differs")
    mean: float | None = Field(description="mean of replayed minus live; null if no number")
    largest: float | None = Field(description="largest magnitude of that")


class WindowDiff(Frozen):
    """Rows of one table of windows, of the replay against those of the live run."""

    same: int
    changed: int
    gained: int
    lost: int
    columns: Mapping[str, ColumnDiff]


class Difference(Frozen):
    """Final rows of a replay against the live ones of the same span."""

    name: str
    windows: Mapping[str, WindowDiff]
    alerts: AlertDiff
    cooldowns: tuple[str, ...] = Field(
        default=(),
        description="rules of these alerts that have a cooldown: live may have been in one already",
    )


class Pair(NamedTuple):
    """Two alerts that last at the same time."""

    live: Found
    replayed: Found


def alerts_compared(live: Iterable[Found], replayed: Iterable[Found]) -> AlertDiff:
    """Match alerts of the same rule and device that overlap, those that overlap most first.

    Parameters
    ----------
    live, replayed : iterable of Found
        In any order.

    Returns
    -------
    AlertDiff
        Each alert of each side exactly once; ordered by onset, device and rule.
    """
    ours, theirs = list(live), list(replayed)
    pairs = _pairs(ours, theirs)
    taken_live = {pair.live.alert_id for pair in pairs}
    taken_replayed = {pair.replayed.alert_id for pair in pairs}
    moved = [one for one in map(_moved, pairs) if one is not None]
    return AlertDiff(
        same=len(pairs) - len(moved),
        gained=tuple(_ordered(one for one in theirs if one.alert_id not in taken_replayed)),
        lost=tuple(_ordered(one for one in ours if one.alert_id not in taken_live)),
        moved=tuple(sorted(moved, key=lambda one: _order(one.live))),
    )


def with_cooldown(alerts: AlertDiff, rules: Iterable[Rule]) -> tuple[str, ...]:
    """Rules whose alerts may differ only because a replay begins without a cooldown.

    As long as sounds follow each other within it, each decides which of the next is an alert.
    """
    differ = {one.rule for one in (*alerts.gained, *alerts.lost)}
    differ.update(moved.live.rule for moved in alerts.moved)
    return tuple(rule.rule for rule in rules if rule.cooldown_s and rule.rule in differ)


def _pairs(live: Sequence[Found], replayed: Sequence[Found]) -> list[Pair]:
    candidates = sorted(
        _overlapping(live, replayed),
        key=lambda p: (-p.live.overlap_s(p.replayed), _order(p.live), _order(p.replayed)),
    )
    taken: set[tuple[str, str]] = set()
    pairs = []
    for pair in candidates:
        ids = {("live", pair.live.alert_id), ("replayed", pair.replayed.alert_id)}
        if not ids & taken:
            taken |= ids
            pairs.append(pair)
    return pairs


def _overlapping(live: Sequence[Found], replayed: Sequence[Found]) -> Iterator[Pair]:
    by_place: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in _ordered(replayed):
        by_place[one.rule, one.device].append(one)
    passed: dict[tuple[str, str], int] = defaultdict(int)
    for one in _ordered(live):
        place = one.rule, one.device
        there = by_place[place]
        # alerts of one rule and device do not overlap each other: their ends are in order too
        while passed[place] < len(there) and there[passed[place]].ended_at <= one.onset_at:
            passed[place] += 1
        for other in there[passed[place] :]:
            if other.onset_at >= one.ended_at:
                break
            yield Pair(one, other)


def _moved(pair: Pair) -> Moved | None:
    live, replayed = pair
    columns = tuple(name for name in live.rest if live.rest[name] != replayed.rest.get(name))
    onset_s = (replayed.onset_at - live.onset_at).total_seconds()
    end_s = (replayed.ended_at - live.ended_at).total_seconds()
    if not columns and not onset_s and not end_s:
        return None
    return Moved(live=live, replayed=replayed, onset_s=onset_s, end_s=end_s, columns=columns)


def _ordered(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=_order)


def _order(one: Found) -> tuple[datetime, str, str, str]:
    return one.onset_at, one.device, one.rule, one.alert_id

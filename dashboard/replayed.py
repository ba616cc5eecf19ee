"""The difference that a replay made, as tables. Pure."""

from collections.abc import Iterator

import pandas as pd

from dashboard.tables import wall
from processors.adapters.replay_catalog import Entry
from processors.replay_diff import Difference

_ALERTS = ["change", "rule", "device", "onset_at", "ended_at", "onset_s", "end_s"]
_WINDOWS = ["table", "column", "windows", "mean difference", "largest difference"]
_Row = tuple[object, ...]


def told(entry: Entry, zone: str) -> str:
    """What a replay is, in one line."""
    asked = entry.asked
    begin, end = (f"{wall(at, zone):%Y-%m-%d %H:%M}" for at in (asked.begin, asked.end))
    rules = ", ".join(rule.rule for rule in asked.rules)
    model = f"; model {asked.model}" if asked.model else ""
    return f"{begin} to {end}; {entry.readings:,} readings; rules {rules}{model}; {entry.state}"


def alerts(found: Difference, zone: str) -> pd.DataFrame:
    """Alerts gained, lost and moved, newest first; seconds: how much later the replay is."""

    def rows() -> Iterator[_Row]:
        for change, its in (("gained", found.alerts.gained), ("lost", found.alerts.lost)):
            for one in its:
                yield (
                    *(change, one.rule, one.device),
                    *(wall(one.onset_at, zone), wall(one.ended_at, zone), None, None),
                )
        for moved in found.alerts.moved:
            live = moved.live
            yield (
                *("moved", live.rule, live.device, wall(live.onset_at, zone)),
                *(wall(live.ended_at, zone), moved.onset_s, moved.end_s),
            )

    frame = pd.DataFrame(rows(), columns=_ALERTS)
    return frame.sort_values("onset_at", ascending=False, ignore_index=True)


def windows(found: Difference) -> pd.DataFrame:
    """Windows that are the same, changed, gained or lost, and by how much columns differ."""

    def rows() -> Iterator[_Row]:
        for name, diff in found.windows.items():
            for what in ("same", "changed", "gained", "lost"):
                yield name, what, getattr(diff, what), None, None
            for column, by in diff.columns.items():
                yield name, column, by.windows, by.mean, by.largest

    return pd.DataFrame(rows(), columns=_WINDOWS)

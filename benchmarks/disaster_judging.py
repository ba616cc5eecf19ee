"""What a disaster has changed, and whether it may have: only what is made of what is lost.

Where the log itself is lost, some readings are gone, and windows and alerts around them are others.
Everything else must be as if nothing had happened.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from benchmarks.disaster_scenes import Disaster, Facts
from benchmarks.faults_record import Record, Span, differences, span
from processors.window_keys import BASE_S
from processors.windows import LOOK_BACK_S

_SHOWN: Final = 200
_BASE: Final = timedelta(seconds=BASE_S)
_BEFORE: Final = {
    "level_window": timedelta(0),
    "label_window": timedelta(seconds=LOOK_BACK_S),
    "alert": timedelta(minutes=3),
}
"""So long before it begins a loss bears on a row: what a label's own level is depends on the
background, and an alert on who has heard what when Kafka went."""


def judged(
    disaster: Disaster, calm: Record, told: Record, facts: Facts, named: Mapping[str, int]
) -> dict[str, Any]:
    """What came of it; `ok` if everything that could be kept was kept, and the rest named."""
    lost = calm.distinct_readings - told.distinct_readings
    not_folded = told.distinct_readings - told.folded_readings
    if disaster.log_is_lost:  # windows may have had more of the log than the archive
        not_folded = max(0, not_folded)
    found = {
        **facts,
        "lost": lost,
        "named": named["readings"],
        "duplicated": told.stored_readings - told.distinct_readings,
        "not_folded": not_folded,
        "not_folded_named": named["windows"],
        "undelivered": told.undelivered,
        "told_again": told.delivered_twice,
        "alerts_at_once": at_once(told),
        "dead_letters": told.dead_letters,
        "changed": changed(calm, told),
        "different": _counted(differences(calm, told)),
    }
    counts = ["duplicated", "undelivered", "alerts_at_once", "dead_letters", "changed"]
    if not disaster.log_is_lost:  # else the topic of alerts is gone too
        found |= {"unknown_ids": told.unknown_ids, "missing_ids": told.missing_ids}
        counts += ["unknown_ids", "missing_ids"]
    gone = lost or not_folded
    told_apart = (lost, not_folded) == (found["named"], found["not_folded_named"])
    allowed = disaster.log_is_lost if gone else not found["different"]
    ok = allowed and told_apart and not any(found[name] for name in counts)
    return {"ok": ok, **found}


def changed(calm: Record, told: Record) -> dict[str, int]:
    """Rows that differ, by table, although all that they are made of is there."""
    lost = _lost(calm, told)
    calm, told = _without_sums(calm), _without_sums(told)
    found = {"reading": len(told.tables["reading"] - calm.tables["reading"])}
    for table, before in _BEFORE.items():
        mine, theirs = calm.tables[table], told.tables[table]
        found[table] = sum(
            not _bears(lost[record.named(table, row)["device"]], span(record, table, row), before)
            for record, rows in ((calm, mine - theirs), (told, theirs - mine))
            for row in rows
        )
    return {table: count for table, count in found.items() if count}


def _without_sums(record: Record) -> Record:
    """Without what larger windows are merged from: it holds the own levels of labels, too."""
    columns = record.columns["level_window"]
    kept = [place for place, name in enumerate(columns) if name != "sums"]
    rows = {tuple(row[place] for place in kept) for row in record.tables["level_window"]}
    return replace(
        record,
        columns={**record.columns, "level_window": [columns[place] for place in kept]},
        tables={**record.tables, "level_window": rows},
    )


def at_once(record: Record) -> int:
    """Alerts of a device and rule that begin before the one before them has ended."""
    alerts: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for row in record.tables["alert"]:
        named = record.named("alert", row)
        alerts[named["device"], named["rule"]].append(span(record, "alert", row))
    return sum(
        later.begin < before.end
        for spans in alerts.values()
        for before, later in pairwise(sorted(spans))
    )


def _bears(lost: Iterable[datetime], on: Span, before: timedelta) -> bool:
    return any(on.begin - before < at + _BASE and at < on.end + before for at in lost)


def _lost(calm: Record, told: Record) -> Mapping[str, list[datetime]]:
    """Beginnings of the base windows that lack something, by device."""
    left = dict(_covered(told))
    found: dict[str, list[datetime]] = defaultdict(list)
    for (device, at), seconds in _covered(calm):
        if left.get((device, at), 0) < seconds:
            found[device].append(at)
    return found


def _covered(record: Record) -> Iterator[tuple[tuple[str, datetime], int]]:
    for row in record.tables["level_window"]:
        named = record.named("level_window", row)
        if int(named["length_s"]) == BASE_S:
            at = datetime.fromisoformat(named["started_at"])
            yield (named["device"], at), int(named["coverage_s"])


def _counted(different: dict[str, Any]) -> dict[str, Any]:
    """Differences with one row of each table, cut short."""
    return {
        name: {**found, "examples": [row[:_SHOWN] for row in found["examples"][:1]]}
        for name, found in different.items()
    }

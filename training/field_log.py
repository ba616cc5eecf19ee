"""Where the examples of `training/field.py` come from: verdicts in PostgreSQL, features in Kafka.

Run: `python -m training field FOLDER`. What Kafka's retention has removed is named; so run it at
least once a week, into the same folder.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import typer
from pydantic import ValidationError
from tqdm import tqdm

from hearing import patches
from hearing.decide import MEMORY_S
from processors.adapters import rule_file, verdict_tables
from processors.adapters.clock import utc_now
from processors.adapters.replay_log import ReplayLog, opened_replay_log
from processors.adapters.verdict_tables import HeardSecond
from processors.classify import read as read_envelope
from processors.judgement import JudgedAlert
from processors.partitions import Key
from processors.rules import LabelRule
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.envelopes import ResultEnvelope
from schemas.errors import BadConfig, BadMessage
from schemas.features import AnyFeatures
from schemas.messages import MEL_BANDS
from training import field as examples
from training import field_folder
from training.field import Example, HeardReading

LONGEST_S: Final = 60
_CLOCKS_APART: Final = timedelta(seconds=60)

Wanted = Mapping[tuple[str, int], HeardSecond]


@dataclass
class Collected:
    """What a run found, and why some alerts taught nothing."""

    examples: list[Example] = field(default_factory=list)
    known: int = 0
    gone: list[str] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)
    forgotten: int = 0


def collect_into(folder: Path, days: int, keep_days: int) -> None:
    """Keep the features around judged alerts in a folder, beside those of earlier runs; say which.

    Parameters
    ----------
    folder : Path
        See `field_folder.write`.
    days : int
        How far back alerts are looked up.
    keep_days : int
        Examples from before are deleted, too.
    """
    try:
        settings = ProcessorSettings()
    except ValidationError as error:
        raise BadConfig(f"settings: {error.errors()[0]['msg']}") from None
    now = utc_now()
    known = field_folder.read(folder)
    kept = examples.since(known, (now - timedelta(days=keep_days)).date())
    found = asyncio.run(collect(settings, now - timedelta(days=min(days, keep_days)), kept))
    field_folder.write(folder, found.examples)
    true = sum(one.heard for one in found.examples)
    typer.echo(
        f"{len(found.examples)} examples, {true} of them true; {found.known} alerts were known; "
        f"{len(known) - len(kept) + found.forgotten} examples forgotten; "
        f"of {len(found.gone)} the features are gone, {len(found.other)} teach nothing"
    )
    for alert_id in found.gone:
        typer.echo(f"{alert_id}: features gone")
    for alert_id, why in found.other.items():
        typer.echo(f"{alert_id}: {why}")


async def collect(
    settings: ProcessorSettings, since: datetime, known: Sequence[Example]
) -> Collected:
    """Examples of before with the verdicts of today, and those of alerts judged since.

    Parameters
    ----------
    settings : ProcessorSettings
        Database, Kafka and rules; a role that may read is enough.
    since : datetime
        Alerts that began earlier teach nothing new; verdicts on those that are known still count.
    known : sequence of Example
        What earlier runs found. An alert that the database has no more is forgotten.

    Returns
    -------
    Collected
        Ready to be written.

    Raises
    ------
    Unavailable
        If the database or Kafka is away.
    """
    alerts = verdict_tables.judged_alerts(settings, min([since, *map(_midnight, known)]))
    there = {str(alert.alert_id) for alert in alerts}
    found = Collected(examples.renewed(known, alerts))
    found.forgotten = sum(one.alert_id not in there for one in known)
    have = {one.alert_id for one in found.examples}
    labels = _labels(settings)
    due: list[tuple[JudgedAlert, Wanted]] = []
    for alert in (alert for alert in alerts if alert.verdict in {"true", "false"}):
        if alert.onset_at < since and str(alert.alert_id) not in have:
            continue
        name = str(alert.alert_id)
        if name in have:
            found.known += 1
        elif alert.rule not in labels:
            found.other[name] = f"rule {alert.rule} listens for no label"
        elif alert.ended_at is None:
            found.other[name] = "has not ended"
        elif wanted := _wanted(settings, alert):
            due.append((alert, wanted))
        else:
            found.gone.append(name)
    if due:  # a consumer that is stopped as soon as it has started fails
        async with opened_replay_log(settings) as log:
            for alert, wanted in tqdm(due, desc="alerts", unit="alert", disable=None):
                heard = await _heard(log, alert.device, wanted)
                ends = _own_end(alert)
                readings = [
                    heard[each]._replace(own=row.started_at < ends)
                    for each, row in wanted.items()
                    if each in heard
                ]
                new = list(examples.examples(alert, labels[alert.rule], readings))
                found.examples += new
                found.gone += [] if new else [str(alert.alert_id)]
    return found


def _midnight(example: Example) -> datetime:
    """Before its onset."""
    return datetime.combine(example.day, time(), UTC)


def _labels(settings: ProcessorSettings) -> Mapping[str, str]:
    rules = rule_file.load(settings.alerts_file)
    return {rule.rule: rule.label for rule in rules if isinstance(rule, LabelRule)}


def _wanted(settings: ProcessorSettings, alert: JudgedAlert) -> Wanted:
    """Readings of an alert, in the order of time."""
    rows = verdict_tables.seconds_of(settings, alert.device, alert.onset_at, _end(alert))
    return {(row.session, row.seq): row for row in rows}


def _own_end(alert: JudgedAlert) -> datetime:
    """The last seconds were scored by what the patch remembered of those before."""
    return _end(alert, MEMORY_S)


def _end(alert: JudgedAlert, earlier_s: int = 0) -> datetime:
    assert alert.ended_at is not None  # noqa: S101  # the others teach nothing
    until = alert.ended_at - timedelta(seconds=earlier_s)
    return max(min(until, alert.onset_at + timedelta(seconds=LONGEST_S)), alert.raised_at)


async def _heard(
    log: ReplayLog, device: str, wanted: Wanted
) -> Mapping[tuple[str, int], HeardReading]:
    """Read a device's partition from when the first was received until all are found."""
    received = [row.received_at for row in wanted.values()]
    key = Key(topics.FEATURES, topics.partition(device))
    part = (await log.slices([key], min(received) - _CLOCKS_APART))[key]
    last_ms = (max(received) + _CLOCKS_APART).timestamp() * 1000
    found: dict[tuple[str, int], HeardReading] = {}
    async for records in log.records(key, part):
        for record in records:
            for reading in _of(record.value, device):
                if (name := (reading.session, reading.seq)) in wanted:
                    found[name] = reading
        late = bool(records) and records[-1].appended_ms > last_ms
        if late or len(found) == len(wanted):
            break
    return found


def _of(value: bytes, device: str) -> list[HeardReading]:
    """Readings of a device in a record; of a bad one none: it was dead-lettered."""
    try:
        envelope = read_envelope(topics.FEATURES, value)
    except BadMessage:
        return []
    assert not isinstance(envelope, ResultEnvelope)  # noqa: S101  # the topic's kind
    batches = [one.batch for one in envelope.batches if one.batch.device == device]
    return [reading for batch in batches for reading in _patches(batch)]


def _patches(batch: AnyFeatures) -> list[HeardReading]:
    if batch.mel is None:
        return []
    codes = np.frombuffer(batch.mel.codes, np.uint8).reshape(-1, MEL_BANDS)
    return [
        HeardReading(batch.session, batch.first_seq + n, patch)
        for n, patch in enumerate(patches.of_readings(codes))
    ]

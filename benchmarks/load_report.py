"""What came of a load: what is lost or twice, how late things were, who needed what."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from benchmarks import stage
from benchmarks.load_watch import Sample, Watch
from deploy.local.report import Run, StoredAlert, TrueEvent, matches
from deploy.local.results import ALERTS, IN_WINDOWS, UNDELIVERED, WINDOW_LENGTH_S
from deploy.local.stack import LocalStack

EDGE: Final = timedelta(seconds=10)
"""Left out at both ends of the steady phase, as no part of it."""
AT_ONCE_S: Final = 5
"""A city is back when less than so many seconds of it wait."""
_CONNECTED: Final = re.compile(r"^(\S+): New client connected from \S+ as pole-", re.MULTILINE)

COUNTS: LiteralString = """
SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT device, session, seq FROM reading) AS d)
FROM reading
"""
DELAYS: LiteralString = """
SELECT count(*), percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
    ORDER BY extract(epoch FROM written_at - started_at)::float8 - 1
) FROM reading WHERE started_at BETWEEN %s AND %s
"""


@dataclass(frozen=True)
class Phases:
    """When the city began, when its broker went and came back, and what each device was to say."""

    began_at: datetime
    cut_at: datetime
    back_at: datetime | None
    readings_each: int
    broker_log: Path

    def heard(self, at: datetime, devices: int) -> int:
        """Readings that had sounded by then."""
        seconds = min(max((at - self.began_at).total_seconds(), 0.0), self.readings_each)
        return round(devices * seconds)


def told(path: Path) -> Run:
    """What the simulator says that it did."""
    return Run.model_validate_json(path.read_text(encoding="utf-8"))


def build(
    stack: LocalStack, run: Run, phases: Phases, watch: Watch, endings: Sequence[str]
) -> dict[str, Any]:
    """Look into the database and put it all together.

    Parameters
    ----------
    stack : LocalStack
        Still running.
    run : Run
        What the simulator did.
    phases : Phases
        When.
    watch : Watch
        What everybody said and took meanwhile.
    endings : sequence of str
        What each program that ended by itself said last, behind its name.

    Returns
    -------
    dict
        For people and machines alike, see `words`.
    """
    with psycopg.connect(stack.postgres.conninfo("cityhum_reader")) as connection:
        rows, distinct = connection.execute(COUNTS).fetchone() or (0, 0)
        (in_windows,) = connection.execute(IN_WINDOWS, [WINDOW_LENGTH_S]).fetchone() or (0,)
        (undelivered,) = connection.execute(UNDELIVERED).fetchone() or (0,)
        sessions = [device.session for device in run.devices]
        alerts = [StoredAlert(*row) for row in connection.execute(ALERTS, [sessions])]
        steady = _steady(connection, run, alerts, phases) | paces(watch.samples, phases)
    return {
        "devices": len(run.devices),
        "sent": run.readings,
        "stored": distinct,
        "lost": run.readings - distinct,
        "twice": rows - distinct + max(0, int(in_windows) - distinct),
        "missing_in_windows": max(0, distinct - int(in_windows)),
        "undelivered": undelivered,
        **sirens_alerted(run, alerts),
        "steady": steady,
        "burst": burst(watch.samples, len(run.devices), phases) if phases.back_at else None,
        "use": {phase: {n: asdict(u) for n, u in by.items()} for phase, by in watch.uses.items()},
        "backlog": [backlog(each, len(run.devices), phases) for each in watch.samples[::5]],
        "cpu_us_per_reading": {
            name: round(1e6 * cpu_s / run.readings, 1) for name, cpu_s in watch.cpu_s.items()
        },
        "restarts": Counter(ending.partition(":")[0] for ending in endings),
        "endings": list(endings),
    }


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, nothing counted or alerted twice, and every alert delivered."""
    counts = ("lost", "twice", "missing_in_windows", "undelivered", "sirens_alerted_twice")
    return not any(result[name] for name in counts)


def words(result: Mapping[str, Any]) -> str:
    """For people: one thing a line, without the samples."""
    flat = {name: value for name, value in result.items() if name not in ("use", "backlog")}
    lines = [f"{name:20} {value}" for name, value in flat.items()]
    for phase, by in result["use"].items():
        for name, use in by.items():
            memory = "" if use["memory_mb"] is None else f"{use['memory_mb']:6.0f} MB"
            lines.append(f"{phase:8} {name:10} {use['core_share']:6.1%} of a core {memory}")
    lines += [f"{b['s']:7.0f} s  {b['at_devices']:9} at devices  {b['in_kafka']:9} in Kafka"
              for b in result["backlog"]]  # fmt: skip
    return "\n".join(lines)


def sirens_alerted(run: Run, alerts: Sequence[StoredAlert]) -> dict[str, int]:
    """How many sirens truly sounded, and how many of them raised no alert, or more than one."""
    sirens: dict[str, list[TrueEvent]] = defaultdict(list)
    for event in run.events:
        if event.label == "siren":
            sirens[event.device].append(event)
    alerted: Counter[TrueEvent] = Counter()
    for alert in alerts:
        near = [event for event in sirens[alert.device] if matches(event, alert)]
        if near:
            alerted[min(near, key=lambda event: abs(event.onset_at - alert.onset_at))] += 1
    sounded = sum(map(len, sirens.values()))
    return {
        "sirens": sounded,
        "sirens_not_alerted": sounded - len(alerted),
        "sirens_alerted_twice": sum(times > 1 for times in alerted.values()),
    }


def _steady(
    connection: psycopg.Connection[Any], run: Run, alerts: Sequence[StoredAlert], phases: Phases
) -> dict[str, Any]:
    since, until = phases.began_at + EDGE, phases.cut_at - EDGE
    count, delays = connection.execute(DELAYS, [since, until]).fetchone() or (0, None)
    late = _alert_delays(run, alerts, since, until)
    return {
        "seconds": round((until - since).total_seconds(), 1),
        "readings": count,
        "stored_delay_s": _percentiles(delays),
        "alerts": len(late),
        "alert_delay_s": _percentiles([stage.percentile(late, s) for s in (0.5, 0.99)])
        if late
        else None,
    }


def paces(samples: Sequence[Sample], phases: Phases) -> dict[str, float | None]:
    """Readings a second that became safe and stored while steady; as many are heard as devices."""
    inside = [s for s in samples if phases.began_at + EDGE <= s.at <= phases.cut_at]
    if not inside or inside[0] is inside[-1]:
        return {"safe_per_s": None, "stored_per_s": None}
    first, last = inside[0], inside[-1]
    passed_s = (last.at - first.at).total_seconds()
    stored = last.applied.get("archive", 0) - first.applied.get("archive", 0)
    return {
        "safe_per_s": round((last.acknowledged - first.acknowledged) / passed_s, 1),
        "stored_per_s": round(stored / passed_s, 1),
    }


def _alert_delays(
    run: Run, alerts: Sequence[StoredAlert], since: datetime, until: datetime
) -> list[float]:
    """From a siren's true onset to its alert on MQTT, of sirens that began in a span."""
    sirens: dict[str, list[TrueEvent]] = defaultdict(list)
    for event in run.events:
        if event.label == "siren" and since <= event.onset_at <= until:
            sirens[event.device].append(event)
    found = []
    for alert in alerts:
        true = next((e for e in sirens[alert.device] if matches(e, alert)), None)
        if true is not None and alert.delivered_at is not None:
            found.append((alert.delivered_at - true.onset_at).total_seconds())
    return found


def _percentiles(values: Sequence[float] | None) -> dict[str, float] | None:
    if not values:
        return None
    return dict(zip(("p50", "p99"), (round(value, 2) for value in values), strict=True))


def burst(samples: Sequence[Sample], devices: int, phases: Phases) -> dict[str, Any]:
    """How the devices came back, and how long what they had kept took."""
    back_at = phases.back_at or phases.cut_at
    after = [each for each in samples if each.at >= back_at]
    return {
        "backlog_readings": backlog(after[0], devices, phases)["at_devices"] if after else 0,
        "safe_after_s": _when_below(after, devices, phases, "at_devices", back_at),
        "stored_after_s": _when_below(after, devices, phases, "not_stored", back_at),
        "back": connections(phases.broker_log, back_at),
    }


def _when_below(
    samples: Sequence[Sample], devices: int, phases: Phases, what: str, since: datetime
) -> float | None:
    for each in samples:
        if backlog(each, devices, phases)[what] < AT_ONCE_S * devices:
            return round((each.at - since).total_seconds(), 1)
    return None


def backlog(sample: Sample, devices: int, phases: Phases) -> dict[str, float]:
    """What waited where at a moment: at devices, in Kafka, and in both together."""
    heard, stored = phases.heard(sample.at, devices), sample.applied.get("archive", 0)
    return {
        "s": round((sample.at - phases.began_at).total_seconds()),
        "at_devices": max(0, heard - sample.acknowledged),
        "in_kafka": max(0, sample.acknowledged - stored),
        "not_stored": max(0, heard - stored),
    }


def connections(log: Path, since: datetime) -> dict[str, float]:
    """How spread the devices' return was: the broker's own account, by the second."""
    moments = [
        datetime.fromisoformat(each).astimezone(UTC)
        for each in _CONNECTED.findall(log.read_text(encoding="utf-8", errors="replace"))
    ]
    seconds = [int((at - since).total_seconds()) for at in moments if at >= since - timedelta(0, 1)]
    if not seconds:
        return {}
    return {"connections": len(seconds), "last_after_s": max(seconds),
            "most_in_a_second": max(Counter(seconds).values())}  # fmt: skip

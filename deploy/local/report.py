"""What a demo run did: readings sent and stored, alerts against the truth. Pure.

Only the sessions of this run count: an earlier run on the same data changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

ALERT_IN_TIME_S = 8.0
STORED_IN_TIME_S = 3.0
MATCH_SLACK = timedelta(seconds=6)
"""An alert belongs to a true event if its onset lies within the event, give or take this."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SentDevice(_Document):
    """What the simulator says of one device."""

    device: str
    session: str
    started_at: datetime
    readings: int


class TrueEvent(_Document):
    """A sound of the scenes, as its device hears it."""

    device: str
    label: str
    onset_at: datetime
    offset_at: datetime


class Run(_Document):
    """The simulator's own record (`cityhum simulate --events FILE`)."""

    devices: tuple[SentDevice, ...]
    events: tuple[TrueEvent, ...]

    @property
    def readings(self) -> int:
        """All that were heard."""
        return sum(device.readings for device in self.devices)


class StoredAlert(NamedTuple):
    """An alert row, with the moment its raising reached the MQTT topic."""

    device: str
    rule: str
    state: str
    onset_at: datetime
    raised_at: datetime
    delivered_at: datetime | None


class Stored(NamedTuple):
    """What the database says of the run's sessions."""

    rows: int
    distinct: int
    in_windows: int
    windows: int
    delays_s: Sequence[float]
    alerts: Sequence[StoredAlert]


class AlertLine(BaseModel):
    """One alert of the report."""

    device: str
    rule: str
    onset: datetime
    onset_s: float
    """Of the device's scene or recording."""
    decided_s: float | None
    """Event time of the decision, after the true onset."""
    delay_s: float | None
    """Arrival on the MQTT topic, after the true onset."""
    state: str
    true_event: bool | None
    """Null where a recording was played, whose truth is not known."""


class Played(BaseModel):
    """The recording that the first device played instead of a street."""

    file: str
    device: str


class Report(BaseModel):
    """The content of `.local/report.json`."""

    devices: int
    seconds: int
    sent: int
    stored: int
    lost: int
    duplicated: int
    windows: int
    stored_within_3_s: float | None
    stored_delay_s: dict[str, float]
    siren_events: int
    siren_events_cut_short: int
    """Begun too late in the run to be alerted on in time; not among `siren_events`."""
    siren_events_alerted_once_in_time: int
    false_alerts: int
    sound: Played | None
    alerts: list[AlertLine]


def build(run: Run, stored: Stored, sound: str | None = None) -> Report:
    """Compare what was sent and what truly sounded with what the database holds."""
    played = Played(file=sound, device=run.devices[0].device) if sound else None
    sent = run.readings
    sirens = [event for event in run.events if event.label == "siren"]
    judged = [event for event in sirens if _has_time(run, event)]
    lines = [_line(run, sirens, alert, played) for alert in stored.alerts]
    return Report(
        devices=len(run.devices),
        seconds=max((device.readings for device in run.devices), default=0),
        sent=sent,
        stored=stored.distinct,
        lost=sent - stored.distinct,
        duplicated=stored.rows - stored.distinct + max(stored.in_windows - stored.distinct, 0),
        windows=stored.windows,
        stored_within_3_s=_share_within(stored.delays_s, STORED_IN_TIME_S),
        stored_delay_s={f"p{p}": _percentile(stored.delays_s, p) for p in (50, 95, 99)},
        siren_events=len(judged),
        siren_events_cut_short=len(sirens) - len(judged),
        siren_events_alerted_once_in_time=sum(_once_in_time(e, stored.alerts) for e in judged),
        false_alerts=sum(line.true_event is False for line in lines),
        sound=played,
        alerts=lines,
    )


def _line(
    run: Run, sirens: Sequence[TrueEvent], alert: StoredAlert, played: Played | None
) -> AlertLine:
    event = next((event for event in sirens if matches(event, alert)), None)
    started_at = next(one.started_at for one in run.devices if one.device == alert.device)
    unknown = played is not None and played.device == alert.device
    return AlertLine(
        device=alert.device,
        rule=alert.rule,
        onset=alert.onset_at,
        onset_s=round((alert.onset_at - started_at).total_seconds(), 3),
        decided_s=_after(event, alert.raised_at),
        delay_s=_after(event, alert.delivered_at),
        state=alert.state,
        true_event=None if unknown else event is not None,
    )


def _after(event: TrueEvent | None, at: datetime | None) -> float | None:
    if event is None or at is None:
        return None
    return round((at - event.onset_at).total_seconds(), 2)


def matches(event: TrueEvent, alert: StoredAlert) -> bool:
    """Whether an alert is about a true event."""
    earliest, latest = event.onset_at - MATCH_SLACK, event.offset_at + MATCH_SLACK
    return alert.device == event.device and earliest <= alert.onset_at <= latest


def _has_time(run: Run, event: TrueEvent) -> bool:
    """Whether its device went on for as long as an alert may take."""
    device = next(one for one in run.devices if one.device == event.device)
    left = device.started_at + timedelta(seconds=device.readings) - event.onset_at
    return left.total_seconds() >= ALERT_IN_TIME_S


def _once_in_time(event: TrueEvent, alerts: Sequence[StoredAlert]) -> bool:
    found = [alert for alert in alerts if matches(event, alert)]
    if len(found) != 1 or found[0].delivered_at is None:
        return False
    return (found[0].delivered_at - event.onset_at).total_seconds() <= ALERT_IN_TIME_S


def _share_within(delays_s: Sequence[float], limit_s: float) -> float | None:
    if not delays_s:
        return None
    return round(sum(delay <= limit_s for delay in delays_s) / len(delays_s), 4)


def _percentile(delays_s: Sequence[float], percent: int) -> float:
    if not delays_s:
        return float("nan")
    ordered = sorted(delays_s)
    return round(ordered[min(len(ordered) * percent // 100, len(ordered) - 1)], 3)

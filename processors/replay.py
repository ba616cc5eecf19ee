"""What is replayed, from where in the log, and which of its outputs count. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from processors import partitions
from processors.partitions import Checkpoint, Key, starting_point
from processors.registry import Registry
from processors.rules import Rule
from processors.sources import BACKGROUND_MINUTES
from processors.window_keys import MINUTE_S
from processors.window_questions import Touched
from schemas import topics
from schemas.base import DeviceId, Frozen, UtcTime
from schemas.errors import BadConfig, LogGap
from schemas.results import Alert

FORMAT: Final = 1
"""Of what a shadow keeps beside its rows; a higher one was written by a newer version."""

MARGIN: Final = timedelta(seconds=60)
"""A device's clock may be ahead of the bridge's by so much: its readings come before their time."""

_RULE_BACKGROUND_S: Final = 3600 + MINUTE_S

WINDOWS: Final = "windows"
ALERTS: Final = "alerts"
PROGRAMS: Final = (WINDOWS, ALERTS)

Source = Literal["readings", "features"]
TOPICS: Final = {
    "readings": (topics.READINGS,),
    "features": (topics.FEATURES, topics.RESULTS),
}
"""Those that are read. Only the first of them carries ticks, so that none of its partitions is
long without a record: it tells how far back all of them reach, since all are kept as long."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Span(NamedTuple):
    """Event time, from `begin` up to `end`, which is not part of it."""

    begin: datetime
    end: datetime

    def needs(self, row: Frozen) -> bool:
        """Whether a replay keeps what a fold says: alerts that began in the span, and all windows.

        Windows around the span are needed for those in it, which alone are compared and promoted.
        """
        if isinstance(row, Alert):
            return self.begin <= row.onset_at < self.end
        return isinstance(row, Touched)


class Request(Frozen):
    """What somebody asked to be replayed.

    Attributes
    ----------
    name : str
        Of the shadow.
    begin, end : datetime
        Event time.
    rules : tuple of Rule
        Of the alerts.
    model : str or None
        Folder of a model that hears the features again; None: the labels that `readings.v1` holds.
    devices : tuple of str
        Empty: all.
    """

    name: Name
    begin: UtcTime
    end: UtcTime
    rules: tuple[Rule, ...]
    model: str | None = None
    devices: tuple[DeviceId, ...] = ()

    @property
    def span(self) -> Span:
        """The span of event time."""
        return Span(self.begin, self.end)

    @property
    def source(self) -> Source:
        """Which topics are read."""
        return "readings" if self.model is None else "features"

    @property
    def log_begins_at(self) -> datetime:
        """Append time from which records are needed."""
        return self.begin - timedelta(seconds=look_back_s(self.rules)) - MARGIN


def look_back_s(rules: Sequence[Rule]) -> int:
    """Seconds before the span that may bear on it.

    A window that begins before the span is no output, so its length does not count; but the levels
    of sources in it go by the background of the minutes before.

    Parameters
    ----------
    rules : sequence of Rule
        Those of the replay.

    Returns
    -------
    int
        What windows need, or the hour of a rule's background with the longest alert, the gap over
        which it merges and its cooldown, whichever is more.
    """
    longest = max((r.max_duration_s + r.merge_s + r.cooldown_s for r in rules), default=0)
    return max((BACKGROUND_MINUTES + 2) * MINUTE_S, _RULE_BACKGROUND_S + longest)


def request(
    name: str,
    span: Span,
    rules: Sequence[Rule],
    *,
    model: str | None = None,
    devices: Iterable[str] = (),
) -> Request:
    """Check what somebody asked for.

    Raises
    ------
    BadConfig
        In one line.
    """
    if span.begin >= span.end:
        raise BadConfig(f"--from {span.begin.isoformat()} is not before --to")
    try:
        return Request(
            name=name,
            begin=span.begin,
            end=span.end,
            rules=tuple(rules),
            model=model,
            devices=tuple(devices),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["loc"][0] == "name":
            raise BadConfig(
                f"name {name[:60]!r}: small letters, digits and hyphens, at most 40"
            ) from None
        raise BadConfig(f"{first['loc'][0]}: {first['msg']}") from None


def instant(text: str, zone: ZoneInfo | None) -> datetime:
    """Time that somebody wrote.

    Parameters
    ----------
    text : str
        ISO 8601 with a zone, or a date, which begins at midnight in `zone`.
    zone : ZoneInfo or None
        Of the sites; None where they have several.

    Raises
    ------
    BadConfig
        If it is neither.

    Examples
    --------
    >>> instant("2026-05-04", ZoneInfo("Europe/Berlin")).isoformat()
    '2026-05-03T22:00:00+00:00'
    """
    try:
        day = date.fromisoformat(text) if len(text) <= len("2026-05-04") else None
        at = datetime.fromisoformat(text) if day is None else None
    except ValueError:
        raise BadConfig(f"{text[:40]!r} is neither a date nor a time of ISO 8601") from None
    if at is not None and at.tzinfo is None:
        raise BadConfig(f"{text} has no zone: write {text}Z, or with +02:00")
    if at is not None:
        return at.astimezone(UTC)
    assert day is not None  # noqa: S101  # one of both was read
    if zone is None:
        raise BadConfig(f"{text} is another instant at each site: write a time with its zone")
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def zone_of(registry: Registry, devices: Sequence[str]) -> ZoneInfo | None:
    """Time zone that all these devices share; of all devices if none is named.

    Raises
    ------
    BadConfig
        If a device is unknown.
    """
    unknown = [device for device in devices if device not in registry.site_of]
    if unknown:
        raise BadConfig(f"no device is called {unknown[0][:63]!r}")
    used = {registry.site_of[device] for device in devices}
    zones = {site.time_zone for site in registry.sites if not used or site.site in used}
    return ZoneInfo(zones.pop()) if len(zones) == 1 else None


def epoch_of(key: Key, live: Checkpoint, span: partitions.Span) -> int:
    """Which log of a partition it is that Kafka holds, as a live fold counts them.

    The fold may not have looked since it began anew, and then will count one more.
    """
    try:
        return starting_point(key, live, span).epoch
    except LogGap:
        return live.epoch


class Oldest(NamedTuple):
    """The oldest record that Kafka holds of a partition, and when it was appended.

    `epoch`: how often this log has begun anew, as far as the live folds know.
    """

    offset: int
    at: datetime | None
    epoch: int = 0

    def is_late(self, needed_at: datetime) -> bool:
        """Whether there were records before it that are needed."""
        has_lost = self.offset > 0 or self.epoch > 0
        return has_lost and (self.at is None or self.at > needed_at)


def check_reaches(needed_at: datetime, oldest: Iterable[Oldest]) -> None:
    """See that neither retention nor the loss of a log has removed what a replay needs.

    Raises
    ------
    LogGap
        Naming the earliest time that a replay can begin from.
    """
    gone = [one for one in oldest if one.is_late(needed_at)]
    if not gone:
        return
    removed_by = "retention" if any(one.offset for one in gone) else "a log that began anew"
    known = [one.at for one in gone if one.at is not None]
    if len(known) < len(gone):
        raise LogGap(f"{removed_by} has removed every record of a partition that is needed")
    raise LogGap(
        f"needs the log from {needed_at.isoformat(timespec='seconds')} on, and {removed_by} has"
        f" left what came after {max(known).isoformat(timespec='seconds')}"
    )

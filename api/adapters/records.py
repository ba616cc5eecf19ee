"""The record in PostgreSQL."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from records import alerts, devices, indicators, levels, live, windows
from records.alerts import Alert, Wanted
from records.days import MonthLevels
from records.devices import Device
from records.indicators import DayLevels
from records.labels import LabelWindow
from records.labels import in_windows as label_windows
from records.levels import Level
from records.live import Changes
from records.pages import Page
from records.reader import Reader
from records.spans import Span
from schemas.results import Window


class DatabaseRecords:
    """`api.ports.Records` asked of a reader; each question is one of `records`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def devices(self, site: str | None = None) -> list[Device]:
        """Ask `records.devices`."""
        return devices.installed(self._reader, site)

    def require(self, names: Sequence[str]) -> None:
        """Ask `records.devices`."""
        devices.require(self._reader, names)

    def levels(self, names: Sequence[str], span: Span, length_s: int) -> list[Level]:
        """Ask `records.levels`."""
        return levels.over_time(self._reader, names, span, length_s)

    def labels(
        self,
        names: Sequence[str],
        span: Span,
        length_s: int,
        *,
        labels: Sequence[str] | None,
        cursor: str | None,
        limit: int,
    ) -> Page[LabelWindow]:
        """Ask `records.labels`."""
        return label_windows(
            self._reader, names, span, length_s, labels=labels, cursor=cursor, limit=limit
        )

    def windows(
        self, names: Sequence[str], span: Span, length_s: int, *, cursor: str | None, limit: int
    ) -> Page[Window]:
        """Ask `records.windows`."""
        return windows.of_length(self._reader, names, span, length_s, cursor=cursor, limit=limit)

    def alerts(self, span: Span, wanted: Wanted, *, cursor: str | None, limit: int) -> Page[Alert]:
        """Ask `records.alerts`."""
        return alerts.newest(self._reader, span, wanted, cursor=cursor, limit=limit)

    def alert(self, alert_id: UUID) -> Alert | None:
        """Ask `records.alerts`."""
        return alerts.one(self._reader, alert_id)

    def indicators(self, names: Sequence[str], first: date, last: date) -> list[DayLevels]:
        """Ask `records.indicators`."""
        return indicators.by_day(self._reader, names, first, last)

    def months(self, names: Sequence[str], first: date, last: date) -> list[MonthLevels]:
        """Ask `records.indicators`."""
        return indicators.by_month(self._reader, names, first, last)

    def place(self) -> str:
        """Ask `records.live`."""
        return live.now(self._reader)

    def changes(self, cursor: str) -> Changes:
        """Ask `records.live`."""
        return live.since(self._reader, cursor)

"""What the API needs of the world: a record to ask, ears, and a bell that rings when there is news.

Adapters and the fakes of the tests satisfy these.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

from api.sounds import Heard
from records.alerts import Alert, Wanted
from records.days import MonthLevels
from records.devices import Device
from records.indicators import DayLevels
from records.labels import LabelWindow
from records.levels import Level
from records.live import Changes
from records.pages import Page
from records.spans import Span
from schemas.results import Window


class Records(Protocol):
    """The record; `records.*` says what each question means and what it raises."""

    def devices(self, site: str | None = None, /) -> list[Device]:
        """See `records.devices.installed`."""
        ...

    def require(self, devices: Sequence[str], /) -> None:
        """See `records.devices.require`."""
        ...

    def levels(self, devices: Sequence[str], span: Span, length_s: int, /) -> list[Level]:
        """See `records.levels.over_time`."""
        ...

    def labels(
        self,
        devices: Sequence[str],
        span: Span,
        length_s: int,
        /,
        *,
        labels: Sequence[str] | None,
        cursor: str | None,
        limit: int,
    ) -> Page[LabelWindow]:
        """See `records.labels.in_windows`."""
        ...

    def windows(
        self,
        devices: Sequence[str],
        span: Span,
        length_s: int,
        /,
        *,
        cursor: str | None,
        limit: int,
    ) -> Page[Window]:
        """See `records.windows.of_length`."""
        ...

    def alerts(
        self, span: Span, wanted: Wanted, /, *, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """See `records.alerts.newest`."""
        ...

    def alert(self, alert_id: UUID, /) -> Alert | None:
        """See `records.alerts.one`."""
        ...

    def indicators(self, devices: Sequence[str], first: date, last: date, /) -> list[DayLevels]:
        """See `records.indicators.by_day`."""
        ...

    def months(self, devices: Sequence[str], first: date, last: date, /) -> list[MonthLevels]:
        """See `records.indicators.by_month`."""
        ...

    def place(self) -> str:
        """See `records.live.now`."""
        ...

    def changes(self, cursor: str, /) -> Changes:
        """See `records.live.since`."""
        ...


class Bell(Protocol):
    """Rings when the outbox may have something new; sometimes when it has nothing."""

    def next_ring(self) -> asyncio.Event:
        """Event that is set at the next ring."""
        ...


class Ears(Protocol):
    """Hears a sound that was sent; keeps nothing of it."""

    def hear(self, sound: bytes, /) -> Heard:
        """Levels and labels of a sound file.

        Raises
        ------
        BadSound
            If it is none, or too long.
        """
        ...

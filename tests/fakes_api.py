"""The record of `tests/recorded.py` in memory, and a bell for tests."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from api.sounds import Heard, told
from records.alerts import Alert, Wanted
from records.days import MonthLevels
from records.devices import Device, UnknownDevice
from records.indicators import DayLevels
from records.indicators import days as checked_days
from records.labels import LabelWindow
from records.levels import Level
from records.live import Changes, Told
from records.pages import Page, page, position
from records.spans import Span
from schemas import results
from schemas.errors import BadQuestion
from schemas.results import Window
from tests.builders import SESSION, STARTED_AT
from tests.recorded import ALERT_IDS, HOUR, LOUD, QUIET, SECONDS, SILENT

_STATUS: Final[dict[str, Any]] = {"active": True, "online": False, "status_at": None}
_LEVELS_DB: Final = {LOUD: 65.25, QUIET: 50.5}


class SilentBell:
    """Rings when told to."""

    def __init__(self) -> None:
        self._ring = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        return self._ring

    def ring(self) -> None:
        self._ring.set()
        self._ring = asyncio.Event()


class MemoryRecords:
    """`api.ports.Records` of the hour that `tests/recorded.py` writes into a database."""

    def __init__(self) -> None:
        self.told: list[results.Alert] = []

    def devices(self, site: str | None = None) -> list[Device]:
        names = (LOUD, QUIET, SILENT) if site in {None, "harbour"} else ()
        return [
            Device(name, "harbour", name, "", 54.3, 10.1, 4.0, -3.0, **_STATUS) for name in names
        ]

    def require(self, devices: Sequence[str]) -> None:
        for name in devices:
            if name not in {LOUD, QUIET, SILENT}:
                raise UnknownDevice(f"no device is called {name!r}")

    def levels(self, devices: Sequence[str], span: Span, length_s: int) -> list[Level]:
        if length_s == 1:
            return [
                Level(LOUD, at, 60 + n % 2, 65, 70, None, None, None, 1, 0, "a")
                for n, at in enumerate(_times(1)[:SECONDS])
                if LOUD in devices and _within(at, span)
            ]
        return [
            Level(name, at, db, db + 4, db + 9, db + 2, db - 1, db - 6, length_s, 0, "a")
            for name, db in _LEVELS_DB.items()
            for at in _times(length_s)
            if name in devices and _within(at, span)
        ]

    def labels(
        self,
        devices: Sequence[str],
        span: Span,
        _: int,
        *,
        labels: Sequence[str] | None,
        cursor: str | None,
        limit: int,
    ) -> Page[LabelWindow]:
        after = _after(cursor)
        rows = [
            LabelWindow(LOUD, STARTED_AT, name, origin, 5, 1, 800, 900, 66, 64.5, None, 0.25)
            for name, origin in (("birds", "natural"), ("siren", "technogenic"))
            if LOUD in devices and _within(STARTED_AT, span) and name in (labels or [name])
        ]
        rows = [row for row in rows if (row.started_at, f"{row.device}/{row.label}") > after]
        return page(
            rows[: limit + 1], limit, lambda row: (row.started_at, f"{row.device}/{row.label}")
        )

    def windows(
        self,
        devices: Sequence[str],
        span: Span,
        length_s: int,
        *,
        cursor: str | None,
        limit: int,
    ) -> Page[Window]:
        after = _after(cursor)
        levels = sorted(self.levels(devices, span, length_s), key=lambda row: row.started_at)
        rows = [_window(row, length_s) for row in levels if (row.started_at, row.device) > after]
        return page(rows[: limit + 1], limit, lambda row: (row.started_at, row.device))

    def alerts(self, span: Span, wanted: Wanted, *, cursor: str | None, limit: int) -> Page[Alert]:
        before = _after(cursor) if cursor else (datetime.max.replace(tzinfo=span.end.tzinfo), "")
        rows = [
            row
            for row in map(_alert, reversed(ALERT_IDS))
            if _within(row.onset_at, span)
            and (row.onset_at, str(row.alert_id)) < before
            and (not wanted.devices or row.device in wanted.devices)
            and not (wanted.open_only and row.ended_at)
        ]
        return page(rows[: limit + 1], limit, lambda row: (row.onset_at, str(row.alert_id)))

    def alert(self, alert_id: UUID) -> Alert | None:
        return _alert(alert_id) if alert_id in ALERT_IDS else None

    def indicators(self, devices: Sequence[str], first: date, last: date) -> list[DayLevels]:
        return [
            DayLevels(name, first + timedelta(day), None, *4 * (None,), 0, 0, 0, 0)
            for name in devices
            for day in range(checked_days(len(devices), first, last))
        ]

    def months(self, devices: Sequence[str], first: date, last: date) -> list[MonthLevels]:
        numbers = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
        return [
            MonthLevels(name, date(n // 12, n % 12 + 1, 1), None, *4 * (None,), 0, 0, 0)
            for name in devices
            for n in numbers
        ]

    def place(self) -> str:
        return str(len(self.told))

    def changes(self, cursor: str) -> Changes:
        if not cursor.isdecimal():
            raise BadQuestion("no place")
        news = [Told(str(n + 1), alert) for n, alert in enumerate(self.told)][int(cursor) :]
        return Changes(news, self.place(), more=False)


class DeafEars:
    """Hears a siren in everything."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def hear(self, sound: bytes) -> Heard:
        self.heard.append(sound)
        return told([{"siren": 900}], duration_s=1, laeq_dbfs=-20, model="fake")


def _times(length_s: int) -> list[datetime]:
    return [HOUR.begin + timedelta(seconds=n) for n in range(0, 3600, length_s)]


def _within(at: datetime, span: Span) -> bool:
    return span.begin <= at < span.end


def _after(cursor: str | None) -> tuple[datetime, str]:
    return position(cursor) if cursor else (STARTED_AT - timedelta(days=1), "")


def _window(row: Level, length_s: int) -> Window:
    levels = {name: 60.0 for name in Window.model_fields if name.endswith("_db")}
    return Window(
        site="harbour", device=row.device, started_at=row.started_at, length_s=length_s,
        calibration="a", coverage_s=length_s, overload_s=0, floor_s=0, final=True,
        **{**levels, "laeq_db": row.laeq_db},
    )  # fmt: skip


def _alert(alert_id: UUID) -> Alert:
    onset = STARTED_AT + timedelta(minutes=ALERT_IDS.index(alert_id))
    ended = None if alert_id == ALERT_IDS[-1] else onset + timedelta(seconds=9)
    state = "raised" if ended is None else "cleared"
    return Alert(
        alert_id, int(ended is not None), state, "siren", "0" * 32, "harbour", LOUD, SESSION,
        onset, onset + timedelta(seconds=3), ended, None if ended is None else "cleared", 71.5,
        900, None, 5, historical=False, verdict=None, said_by=None,
    )  # fmt: skip

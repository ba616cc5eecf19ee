"""Answers -> tables: times on the site's clocks, alerts for a figure, labels as shares. Pure."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pandas as pd

from records.alerts import Alert
from records.labels import LabelSecond
from schemas.base import ACTIVE_SCORE


def table(rows: Sequence[NamedTuple], of: type[NamedTuple], zone: str) -> pd.DataFrame:
    """Rows as a table with their fields as columns, also without a row; times by the clock there.

    Examples
    --------
    >>> from datetime import UTC
    >>> class Row(NamedTuple):
    ...     at: datetime | None
    >>> at = datetime(2026, 5, 4, 10, tzinfo=UTC)
    >>> str(table([Row(at), Row(None)], Row, "Europe/Berlin")["at"].iloc[0])
    '2026-05-04 12:00:00'
    """
    fields = of._fields
    columns = {name: [getattr(row, name) for row in rows] for name in fields}
    frame = pd.DataFrame(columns, columns=list(fields))
    for name, kind in of.__annotations__.items():
        if kind in (datetime, datetime | None):
            frame[name] = by_clock(frame[name], zone)
    return frame


def by_clock(times: "pd.Series[datetime]", zone: str) -> "pd.Series[pd.Timestamp]":
    """Instants as the clocks there show them, without a zone: figures know none."""
    return pd.to_datetime(times, utc=True).dt.tz_convert(zone).dt.tz_localize(None)


def wall(at: datetime, zone: str) -> datetime:
    """An instant as the clocks there show it."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def alert_table(alerts: Sequence[Alert], zone: str) -> pd.DataFrame:
    """Alerts as a table; scores as shares."""
    frame = table(alerts, Alert, zone)
    return frame.assign(peak_score=frame.peak_score.astype(float) / 1000)


def closed(alerts: pd.DataFrame, until: datetime) -> pd.DataFrame:
    """Alerts for a figure: open ones reach to a time."""
    return alerts.assign(ended_at=alerts.ended_at.fillna(pd.Timestamp(until)))


def seconds_shared(rows: Sequence[LabelSecond], zone: str) -> pd.DataFrame:
    """Active seconds as shares: each is wholly its label's."""
    return table(rows, LabelSecond, zone).assign(share=1.0)


def top_labels(labels: Sequence[str] | None, scores: Sequence[int] | None) -> str:
    """The active labels of one second, the most certain first, with their scores.

    Examples
    --------
    >>> top_labels(["dog_bark", "siren", "wind"], [510, 930, 120])
    'siren 93 %, dog bark 51 %'
    """
    ranked = sorted(zip(scores or (), labels or (), strict=True), reverse=True)
    return ", ".join(
        f"{label.replace('_', ' ')} {score / 10:.0f} %"
        for score, label in ranked
        if score >= ACTIVE_SCORE
    )


def uuid_of(text: str) -> UUID | None:
    """An id as an address has it; None if it is none.

    Examples
    --------
    >>> uuid_of("") is uuid_of("1' OR '1'='1")
    True
    """
    try:
        return UUID(text)
    except ValueError:
        return None


def csv(frame: pd.DataFrame) -> bytes:
    """As CSV, with a header."""
    return frame.to_csv(index=False).encode()


def parquet(frame: pd.DataFrame) -> bytes:
    """As Parquet."""
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()

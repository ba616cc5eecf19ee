"""Alerts, newest first, with what operators said of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, LiteralString, NamedTuple
from uuid import UUID

from records.pages import Page, page, position
from records.reader import Reader
from records.spans import Span

Opinion = Literal["true", "false", "unsure"]


class Alert(NamedTuple):
    """The newest state of an alert: `docs/alerts.md`; with the newest verdict on it."""

    alert_id: UUID
    revision: int
    state: str
    rule: str
    rule_version: str
    site: str
    device: str
    session: str
    onset_at: datetime
    raised_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    peak_laeq_1s_db: float
    peak_score: int | None
    background_db: float | None
    active_s: int
    historical: bool
    verdict: Opinion | None
    said_by: str | None


class Wanted(NamedTuple):
    """Which alerts; None and False: all."""

    devices: Sequence[str] | None = None
    site: str | None = None
    rules: Sequence[str] | None = None
    open_only: bool = False


ALL: Final = Wanted()

_COLUMNS: Final[LiteralString] = """
SELECT alert.alert_id, revision, state, rule, rule_version, site, device, session, onset_at,
       raised_at, ended_at, end_reason, peak_laeq_1s_db, peak_score, background_db, active_s,
       historical, verdict, said_by
FROM alert LEFT JOIN alert_verdict USING (alert_id)
"""
_ALERTS: Final[LiteralString] = (
    _COLUMNS
    + """
WHERE onset_at >= %(begin)s AND onset_at < %(end)s
  AND (%(devices)s::text[] IS NULL OR device = ANY(%(devices)s))
  AND (%(site)s::text IS NULL OR site = %(site)s)
  AND (%(rules)s::text[] IS NULL OR rule = ANY(%(rules)s))
  AND (ended_at IS NULL OR NOT %(open_only)s)
  AND (%(before_at)s::timestamptz IS NULL
       OR (onset_at, alert_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY onset_at DESC, alert_id DESC
LIMIT %(limit)s
"""
)
_OVERLAPPING: Final[LiteralString] = (
    _COLUMNS
    + """
WHERE device = %(device)s AND onset_at < %(end)s AND coalesce(ended_at, 'infinity') > %(begin)s
  AND onset_at >= %(begin)s - interval '1 day'  -- none lasts longer: max_duration_s
ORDER BY onset_at DESC, alert_id DESC
LIMIT %(limit)s
"""
)
_RULES: Final[LiteralString] = "SELECT DISTINCT rule FROM alert ORDER BY rule"
_ALERT: Final[LiteralString] = _COLUMNS + "WHERE alert.alert_id = %(alert_id)s"


def newest(
    reader: Reader,
    span: Span,
    wanted: Wanted = ALL,
    *,
    cursor: str | None = None,
    limit: int = 200,
) -> Page[Alert]:
    """Alerts whose sound began within a span, newest first."""
    before_at, before_id = position(cursor) if cursor else (None, None)
    asked = {
        "begin": span.begin,
        "end": span.end,
        "devices": list(wanted.devices) if wanted.devices else None,
        "site": wanted.site,
        "rules": list(wanted.rules) if wanted.rules else None,
        "open_only": wanted.open_only,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit + 1,
    }
    rows = reader.rows(_ALERTS, asked, Alert)
    return page(rows, limit, lambda row: (row.onset_at, str(row.alert_id)))


def every(
    reader: Reader, span: Span, wanted: Wanted = ALL, *, at_once: int = 1000
) -> Iterator[Alert]:
    """All alerts whose sound began within a span, newest first, read page by page."""
    cursor = None
    while True:
        found = newest(reader, span, wanted, cursor=cursor, limit=at_once)
        yield from found.items
        cursor = found.next
        if cursor is None:
            return


def overlapping(reader: Reader, device: str, span: Span, limit: int) -> list[Alert]:
    """Alerts of a device that went on at some time of a span, newest first."""
    asked = {"device": device, "begin": span.begin, "end": span.end, "limit": limit}
    return reader.rows(_OVERLAPPING, asked, Alert)


class _Named(NamedTuple):
    rule: str


def rules(reader: Reader) -> list[str]:
    """Names of the rules that have ever raised an alert."""
    return [row.rule for row in reader.rows(_RULES, {}, _Named)]


def one(reader: Reader, alert_id: UUID) -> Alert | None:
    """One alert, if there is such a one."""
    return next(iter(reader.rows(_ALERT, {"alert_id": alert_id}, Alert)), None)

"""What belongs to a span, in a real PostgreSQL: local days, and alerts over its edges."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from processors import replay as replays
from processors.adapters import replay_catalog, replay_compare
from processors.adapters.replay_edges import check_edges
from processors.replay import Request, Span
from schemas.errors import BadConfig
from tests.database import Database, settings_for

_SITE: Final = "INSERT INTO site VALUES (%s, '', %s, '07:00', '19:00', '23:00')"
_DEVICE: Final = """
INSERT INTO device (device, site, name, street, facade_correction_db)
VALUES ('moved', 'here', '', '', 0)"""
_DAY: Final = """
INSERT INTO {}.level_window (site, device, length_s, started_at, laeq_db, lceq_db, lzeq_db,
    lafmax_db, lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s, floor_s, final)
VALUES ('here', 'moved', 86400, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, true)"""
_WINDOW: Final = _DAY.replace("86400, %s, %s", "%s, %s, %s").replace("true", "%s")
_LABEL: Final = """
INSERT INTO {}.label_window (device, length_s, started_at, label, origin, active_s, mean_score,
    max_score, laeq_active_db)
VALUES ('moved', {}, %s, %s, 'natural', 9, 600, 600, 50)"""
_ALERT: Final = """
INSERT INTO {}.alert (alert_id, revision, state, rule, rule_version, site, device, session,
    onset_at, raised_at, ended_at, end_reason, peak_laeq_1s_db, peak_score, active_s, historical)
VALUES (gen_random_uuid(), 1, 'cleared', 'siren', repeat('0', 32), 'here', 'moved', 's', %s, %s,
    %s, 'cleared', 71.5, 900, 5, false)"""
_DAYS: Final = """
SELECT started_at, laeq_db, label FROM level_window
LEFT JOIN label_window USING (device, length_s, started_at) WHERE device = 'moved' ORDER BY 1"""


@pytest.fixture
def local(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A device at a site in a zone; it has moved to another one since."""
    database.query(_SITE, "here", request.param)
    database.query(_SITE, "there", "Asia/Kolkata")
    database.query(_DEVICE)
    yield database
    database.query("DELETE FROM device WHERE device = 'moved'")
    database.query("DELETE FROM site WHERE site IN ('here', 'there')")
    database.query("SELECT replay_drop(name) FROM replay")


@asynccontextmanager
async def shadow(database: Database, span: Span) -> AsyncIterator[replay_catalog.Connection]:
    """An empty replay of a span that is complete."""
    request = asked(span)
    settings = settings_for(database.postgres, "cityhum_replay")
    async with replay_catalog.opened(settings, request.name) as connection:
        await replay_catalog.create(connection, request, "kafka")
        await replay_catalog.finish(connection, request.name, 1, 0)
        yield connection


def asked(span: Span) -> Request:
    return replays.request("days", span, ())


def day(year: int, month: int, on: int, hour: int) -> datetime:
    return datetime(year, month, on, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "begin", "hours"),
    [
        ("Europe/Berlin", day(2026, 3, 28, 23), 23),
        ("Europe/Berlin", day(2026, 5, 3, 22), 24),
        ("Europe/Berlin", day(2026, 10, 24, 22), 25),
        ("Atlantic/Azores", day(2026, 10, 24, 0), 24),  # midnight comes twice at its end
        ("America/Havana", day(2026, 3, 8, 5), 23),  # has no midnight at its begin
    ],
    indirect=["local"],
    ids=["forward", "plain", "back", "before back", "at midnight"],
)
async def test_a_day_ends_at_the_sites_midnight(
    local: Database, begin: datetime, hours: int
) -> None:
    end = begin + timedelta(hours=hours)
    for at in (begin, end):
        local.query(_DAY.format("public"), at, 99)
        local.query(_LABEL.format("public", 86400), at, "siren")
    local.query("UPDATE device SET site = 'there' WHERE device = 'moved'")
    async with shadow(local, Span(begin, end)) as connection:
        for at in (begin, end):
            local.query(_DAY.format("replay_days"), at, 50)
            local.query(_LABEL.format("replay_days", 86400), at, "birds")
        found = await replay_compare.compared(connection, asked(Span(begin, end)))
        assert found.windows["level_window"].changed == 1
        await connection.execute("SELECT public.replay_swap('days')")
    assert local.query(_DAYS) == [(begin, 50.0, "birds"), (end, 99.0, "siren")]
    local.query("DELETE FROM level_window; DELETE FROM label_window")


@pytest.mark.parametrize("local", ["Europe/Berlin"], indirect=True)
async def test_a_day_that_is_not_over_in_the_span_is_left_alone(local: Database) -> None:
    begin, end = day(2026, 10, 24, 22), day(2026, 10, 25, 22)  # an hour before the day is over
    local.query(_DAY.format("public"), begin, 99)
    async with shadow(local, Span(begin, end)) as connection:
        await connection.execute("SELECT public.replay_swap('days')")
    assert local.query(_DAYS) == [(begin, 99.0, None)]


@pytest.mark.parametrize("local", ["Europe/Berlin"], indirect=True)
@pytest.mark.parametrize(
    ("length_s", "live", "replayed", "left"),
    [
        (10, False, True, (99.0, "siren")),
        (10, True, False, (99.0, "siren")),
        (10, None, False, None),
        (10, True, None, None),
        (10, True, True, (50.0, "birds")),
        (3600, False, False, (50.0, "birds")),
        (3600, False, None, (99.0, "siren")),
        (3600, True, False, (99.0, "siren")),
        (3600, None, True, (50.0, "birds")),
    ],
)
async def test_what_is_not_final_may_belong_to_the_live_fold(
    local: Database,
    *,
    length_s: int,
    live: bool | None,
    replayed: bool | None,
    left: tuple[float, str] | None,
) -> None:
    """Whether the live window and the replayed one are final; None if there is none."""
    async with shadow(local, Span(BEGIN, END)) as connection:
        for schema, final, level, label in (
            ("public", live, 99, "siren"),
            ("replay_days", replayed, 50, "birds"),
        ):
            if final is not None:
                local.query(_WINDOW.format(schema), length_s, BEGIN, level, final)
                local.query(_LABEL.format(schema, length_s), BEGIN, label)
        await connection.execute("SELECT public.replay_swap('days')")
    assert [row[1:] for row in local.query(_DAYS)] == ([] if left is None else [left])
    assert local.query("SELECT count(*) FROM label_window") == [(0 if left is None else 1,)]


BEGIN, END = day(2026, 5, 4, 10), day(2026, 5, 4, 11)


@pytest.mark.parametrize("local", ["Europe/Berlin"], indirect=True)
@pytest.mark.parametrize(
    ("live", "replayed", "instead"),
    [
        ((-9, 9), (0, 20), "before the span: .*--from 2026-05-04T09:59:51"),
        ((3605, None), (3590, 3610), "after the span: .*--to 2026-05-04T10:59:50"),
        ((-9, 0), (0, 20), None),
        ((3605, 3620), (3590, 3605), None),
        ((5, 30), (0, 20), None),  # is replaced
    ],
    ids=["begin", "end", "touching the begin", "touching the end", "inside"],
)
async def test_alerts_over_the_edges_of_a_span_are_not_doubled(
    local: Database, live: tuple[int, int | None], replayed: tuple[int, int], instead: str | None
) -> None:
    async with shadow(local, Span(BEGIN, END)) as connection:
        for schema, (onset_s, ended_s) in (("public", live), ("replay_days", replayed)):
            onset_at = BEGIN + timedelta(seconds=onset_s)
            ended_at = None if ended_s is None else BEGIN + timedelta(seconds=ended_s)
            local.query(_ALERT.format(schema), onset_at, onset_at, ended_at)
        refused = pytest.raises(BadConfig, match=instead) if instead else nullcontext()
        with refused:
            await check_edges(connection, asked(Span(BEGIN, END)))

"""The store on a real PostgreSQL: its contract, and what its tables make of rows."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from processors import archive, windows
from processors.adapters import outbox
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Commit, FoldRun
from schemas.base import Frozen
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert, Window
from tests import batches
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, labelled, levels
from tests.contracts import StoreContract
from tests.database import Database, settings_for
from tests.streams import KEY, alert, envelope, window


@pytest.fixture
async def store(database: Database) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(database.settings) as opened:
        yield opened


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[PostgresStore]:
        async with PostgresStore(database.settings) as opened:
            yield opened


async def commit(
    store: PostgresStore, *rows: Frozen, messages: Sequence[Alert | Window] = ()
) -> None:
    (known, _) = (await store.load("test", [KEY]))[KEY]
    before = known or await store.claim("test", KEY, Checkpoint(0, "c"))
    after = replace(before, next_offset=before.next_offset + 1, version=before.version + 1)
    await store.commit("test", [Commit(KEY, before, after, {}, rows, messages)])


async def test_a_window_is_revised_only_when_it_changes(
    store: PostgresStore, database: Database
) -> None:
    await commit(store, window(60.0), window(61.0))
    await commit(store, window(61.0))
    assert database.query("SELECT laeq_db, revision FROM level_window") == [(61.0, 0)]
    await commit(store, window(62.0, final=True))
    assert database.query("SELECT laeq_db, revision, final FROM level_window") == [(62.0, 1, True)]
    labels = database.query("SELECT label, active_s, max_score, laeq_active_db FROM label_window")
    assert labels == [("siren", 4, 900, 65.0)]


async def test_a_label_that_a_window_no_longer_has_is_gone(
    store: PostgresStore, database: Database
) -> None:
    """Calibrated readings have displaced relative ones, among them those with the label."""
    labels = "SELECT started_at, label FROM label_window"
    neighbour = window(started_at=STARTED_AT + timedelta(seconds=10))
    await commit(store, window(60.0), neighbour)
    await commit(store, window(61.0, labels=()))
    assert database.query(labels) == [(neighbour.started_at, "siren")]
    await commit(store, window(62.0), window(63.0, labels=()))
    assert database.query(labels) == [(neighbour.started_at, "siren")]


async def test_of_an_alert_the_newest_revision_stays(
    store: PostgresStore, database: Database
) -> None:
    ended_at = STARTED_AT + timedelta(seconds=9)
    cleared = alert(revision=1, state="cleared", ended_at=ended_at, end_reason="cleared")
    await commit(store, alert(), cleared)
    await commit(store, alert())
    assert database.query("SELECT revision, state, ended_at FROM alert") == [
        (1, "cleared", ended_at)
    ]


@pytest.mark.parametrize(
    ("others", "span_s", "is_stored"),
    [
        ({}, (65, 75), False),
        ({}, (50, 61), False),
        ({}, (50, 200), False),
        ({}, (185, 190), False),  # another is open from second 180 on
        ({}, (50, 60), True),
        ({}, (70, 80), True),
        ({"rule": "loud"}, (65, 75), True),
        ({"device": "pole-08"}, (65, 75), True),
        ({"historical": False}, (65, 75), True),
    ],
)
async def test_a_historical_alert_stays_away_from_those_that_a_replay_has_put_there(
    store: PostgresStore,
    database: Database,
    others: Mapping[str, object],
    span_s: tuple[int, int],
    is_stored: bool,  # noqa: FBT001
) -> None:
    def ended(number: int, onset_s: int, ended_s: int, others: Mapping[str, object]) -> Alert:
        onset_at, ended_at = (STARTED_AT + timedelta(seconds=s) for s in (onset_s, ended_s))
        said = {"state": "cleared", "end_reason": "cleared", "historical": True, **others}
        times = {"onset_at": onset_at, "raised_at": onset_at, "ended_at": ended_at}
        return alert(number, **times, **said)

    await commit(store, promoted := ended(1, 60, 70, {}), alert(3))
    await commit(store, found := ended(2, *span_s, others))
    stored = {row[0] for row in database.query("SELECT alert_id FROM alert")}
    assert stored == {promoted.alert_id, alert(3).alert_id, *([found.alert_id] * is_stored)}


async def test_an_alert_that_ends_with_the_commit_is_open_no_more_for_its_historical_ones(
    store: PostgresStore, database: Database
) -> None:
    def at(seconds: int) -> datetime:
        return STARTED_AT + timedelta(seconds=seconds)

    opened = alert(3)
    said = {"state": "cleared", "end_reason": "signal_lost"}
    ended = alert(3, revision=1, ended_at=at(190), **said)
    times = {"onset_at": at(200), "raised_at": at(202), "ended_at": at(210)}
    found = alert(4, historical=True, **said, **times)
    await commit(store, opened)
    await commit(store, ended, found)
    stored = {row[0] for row in database.query("SELECT alert_id FROM alert")}
    assert stored == {opened.alert_id, found.alert_id}


async def test_any_level_can_be_stored(store: PostgresStore, database: Database) -> None:
    extremes = (1e-300, -1e-50, 200.0, -200.0)
    street = levels()
    measured = tuple(street.model_copy(update={"laeq_1s_db": level}) for level in extremes)
    batch = labelled(levels=measured, labels=({},) * 4)
    await commit(store, *(archive.reading_row(batch, seq) for seq in range(4)))
    stored = database.query("SELECT laeq_1s_db FROM reading ORDER BY seq")
    assert [level for (level,) in stored] == [0.0, 0.0, 200.0, -200.0]


async def test_a_reading_is_stored_as_it_first_came(
    store: PostgresStore, database: Database
) -> None:
    batch = labelled(7, [61.25], labels=[{"siren": 800, "wind": 300}])
    again = labelled(7, [99.0])
    await commit(store, archive.reading_row(batch, 7), archive.reading_row(again, 7))
    await commit(store, archive.reading_row(again, 7))
    (row,) = database.query(
        "SELECT seq, started_at, laeq_1s_db, third_octaves_db[1:2], labels, scores, "
        "written_at > received_at FROM reading"
    )
    assert row[:2] == (7, STARTED_AT + timedelta(seconds=7))
    assert row[2:] == (61.25, [51.25, 51.35], ["siren", "wind"], [800, 300], True)
    detections = database.query("SELECT label, score, device, session, time, spl FROM detection")
    assert detections == [
        (label, score, "pole-07", SESSION, row[1], 61.25)
        for label, score in (("siren", 800), ("wind", 300))
    ]


async def test_a_reading_of_any_day_finds_a_partition(
    store: PostgresStore, database: Database
) -> None:
    days = [STARTED_AT - timedelta(days=900), STARTED_AT + timedelta(days=3)]
    old = [labelled(n, started_at=day) for n, day in enumerate(days)]
    await commit(store, *[archive.reading_row(one, n) for n, one in enumerate(old)])
    assert database.query("SELECT count(*) FROM reading") == [(2,)]
    assert database.query("SELECT to_regclass('reading_20231116') IS NOT NULL") == [(True,)]


async def test_indices_are_stored_once(store: PostgresStore, database: Database) -> None:
    minute = archive.indices_row(batches.indices())
    await commit(store, minute)
    await commit(store, minute)
    assert database.query("SELECT device, aci, ndsi FROM indices") == [("pole-07", 151.2, None)]


async def test_a_late_will_of_an_older_session_counts_for_nothing(
    store: PostgresStore, database: Database
) -> None:
    ask = (
        "SELECT online, session, status_at, status->>'agent_version' FROM device "
        "WHERE device = 'pole-07'"
    )
    born = batches.status(session=OTHER_SESSION)
    will = batches.status(online=False, at=None, agent_version="")
    await commit(store, archive.status_row(batches.status()), archive.status_row(born))
    await commit(store, archive.status_row(will))
    assert database.query(ask) == [(True, OTHER_SESSION, STARTED_AT, "0.1.0")]
    own = batches.status(session=OTHER_SESSION, online=False, at=None)
    await commit(store, archive.status_row(own))
    assert database.query(ask) == [(False, OTHER_SESSION, STARTED_AT, "0.1.0")]
    before = STARTED_AT - timedelta(days=1)  # it came back without the time
    await commit(store, archive.status_row(batches.status(at=before)))
    assert database.query(ask) == [(True, SESSION, before, "0.1.0")]


async def test_the_outbox_tells_every_target_but_nobody_of_history(
    store: PostgresStore, database: Database
) -> None:
    late = alert(2, historical=True)
    await commit(store, alert(1), late, messages=[window(), alert(1), late])
    told = database.query(
        "SELECT kind, key, target FROM outbox JOIN delivery ON id = outbox_id ORDER BY id, target"
    )
    named = ("alert", str(alert(1).alert_id))
    assert told == [("window", "pole-07", "kafka-windows"), (*named, "kafka"), (*named, "mqtt")]
    assert database.query("SELECT count(*) FROM alert") == [(2,)]


async def test_messages_wait_until_they_are_delivered(
    store: PostgresStore, database: Database
) -> None:
    await commit(store, messages=[alert(1), window(), alert(2)])
    connecting = psycopg.AsyncConnection.connect(
        database.postgres.conninfo("cityhum_relay"), autocommit=True
    )
    async with await connecting as connection, connection.cursor() as cursor:
        waiting = await outbox.waiting(cursor, "mqtt", 10)
        assert [one.message for one in waiting] == [alert(1), alert(2)]
        await outbox.delivered(cursor, "mqtt", [waiting[0].id])
        await outbox.failed(cursor, "mqtt", [waiting[1].id])
        assert [one.message for one in await outbox.waiting(cursor, "mqtt", 10)] == [alert(2)]
        assert len(await outbox.waiting(cursor, "kafka", 10)) == 2
        await outbox.delivered(cursor, "kafka", [n.id for n in waiting])
        await outbox.forget(cursor, timedelta(0))
        assert database.query("SELECT count(*) FROM outbox") == [(2,)]


async def test_a_database_that_is_away_is_unavailable_and_comes_back(
    store: PostgresStore, database: Database
) -> None:
    await commit(store, window(60.0))
    database.postgres.kill()
    try:
        with pytest.raises(Unavailable):
            await commit(store, window(61.0))
    finally:
        database.postgres.start()
    await commit(store, window(61.0))
    assert database.query("SELECT laeq_db, revision FROM level_window") == [(61.0, 1)]


async def test_who_holds_a_fold_for_long_keeps_it_waiting_and_no_longer(database: Database) -> None:
    """As a promotion does; its worker says that it waits, and is not taken for one that hangs."""
    async with PostgresStore(database.settings, lock_wait_s=0.02) as store:
        await commit(store, window(60.0))
        with psycopg.connect(database.postgres.conninfo("cityhum_owner")) as holding:
            holding.execute("SELECT FROM checkpoint FOR UPDATE")
            with pytest.raises(Unavailable, match="lock timeout"):
                await commit(store, window(61.0))
        await commit(store, window(61.0))
    assert database.query("SELECT laeq_db, revision FROM level_window") == [(61.0, 1)]


async def test_rows_are_asked_for_again_once_a_replay_took_their_place(
    store: PostgresStore, database: Database
) -> None:
    run = FoldRun(windows.fold(), {})

    async def hears(begin_s: int, end_s: int) -> None:
        for seq in range(begin_s, end_s):
            run.apply(envelope(labelled(seq)))
        await commit(store, *run.settle().rows)

    await hears(0, 55)
    database.query("DELETE FROM level_window WHERE started_at = %s", STARTED_AT)
    database.query("UPDATE checkpoint SET promotions = promotions + 1")
    await hears(55, 75)
    minute = "SELECT coverage_s FROM level_window WHERE length_s = 60"
    assert database.query(minute) == [(50.0,)]


async def test_a_wrong_password_is_the_persons_mistake(tmp_path: Path, database: Database) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    settings = settings_for(database.postgres, postgres_password_file=wrong)
    with pytest.raises(BadConfig, match="password authentication failed"):
        await PostgresStore(settings).load("test", [KEY])


async def test_two_writers_of_one_day_do_not_block_each_other(database: Database) -> None:
    async with PostgresStore(database.settings) as one, PostgresStore(database.settings) as two:
        rows = [archive.reading_row(labelled(n, started_at=STARTED_AT), n) for n in range(2)]
        keys = [KEY, KEY._replace(partition=1)]
        starts = [
            await store.claim("test", key, Checkpoint(0, "c"))
            for store, key in zip((one, two), keys, strict=True)
        ]
        commits = [
            Commit(key, start, replace(start, next_offset=1, version=2), {}, (row,), ())
            for key, start, row in zip(keys, starts, rows, strict=True)
        ]
        await asyncio.gather(one.commit("test", commits[:1]), two.commit("test", commits[1:]))
    assert database.query("SELECT count(*) FROM reading") == [(2,)]


def test_readers_see_rows_but_no_states(database: Database) -> None:
    with psycopg.connect(database.postgres.conninfo("cityhum_reader")) as connection:
        assert connection.execute("SELECT count(*) FROM detection").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM fold_state")


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("cityhum_archive", "UPDATE device SET site = 'harbour'"),
        ("cityhum_archive", "UPDATE reading SET laeq_1s_db = 0"),
        ("cityhum_windows", "SELECT payload FROM outbox"),
        ("cityhum_windows", "INSERT INTO outbox (kind, key, payload) VALUES ('alert', 'x', '{}')"),
        ("cityhum_relay", "INSERT INTO outbox (kind, key, payload) VALUES ('alert', 'x', '{}')"),
        ("cityhum_notify", "UPDATE notification SET payload = '{}'"),
        ("cityhum_replay", "UPDATE checkpoint SET next_offset = 0"),
        ("cityhum_alerts", "CREATE TABLE mine (number int)"),
    ],
)
def test_a_program_only_writes_what_is_its_own(
    database: Database, role: str, statement: LiteralString
) -> None:
    with (
        psycopg.connect(database.postgres.conninfo(role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


async def test_a_fold_sees_and_moves_no_checkpoint_but_its_own(
    store: PostgresStore, database: Database
) -> None:
    for program in ("windows", "alerts"):
        await store.claim(program, KEY, Checkpoint(7, "c"))
    seen = "SELECT program FROM checkpoint"
    with psycopg.connect(database.postgres.conninfo("cityhum_windows")) as windows:
        assert windows.execute(seen).fetchall() == [("windows",)]
        windows.execute("UPDATE checkpoint SET next_offset = 0")
    with psycopg.connect(database.postgres.conninfo("cityhum_replay")) as replay:
        assert len(replay.execute(f"{seen} FOR UPDATE").fetchall()) == 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            replay.execute("UPDATE checkpoint SET updated_at = now()")
    offsets = "SELECT program, next_offset FROM checkpoint ORDER BY program"
    assert database.query(offsets) == [("alerts", 7), ("windows", 0)]

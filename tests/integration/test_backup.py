"""Backups of a real PostgreSQL, restored into an empty database beside it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb

from processors.adapters import backup, gaps
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Commit
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable
from schemas.ulid import ulid
from tests import recorded
from tests.builders import STARTED_AT
from tests.database import Database, settings_for
from tests.streams import KEY, alert, window

TABLES = ("reading", "level_window", "label_window", "alert", "checkpoint", "outbox", "device")
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
SHOWN = "SELECT count(*) FROM outbox WHERE pg_visible_in_snapshot(txid, pg_current_snapshot())"


@pytest.fixture
def owner(database: Database) -> ProcessorSettings:
    return settings_for(database.postgres, "cityhum_owner")


@pytest.fixture
def empty(database: Database) -> Iterator[ProcessorSettings]:
    """Yield the owner's settings of a second database, without any table."""
    admin = psycopg.connect(database.postgres.conninfo("postgres", "postgres"), autocommit=True)
    admin.execute("CREATE DATABASE restored OWNER cityhum_owner")
    try:
        yield settings_for(database.postgres, "cityhum_owner", postgres_db="restored")
    finally:
        admin.execute("DROP DATABASE restored")
        admin.close()


@pytest.fixture
async def filled(database: Database) -> Database:
    """An hour's record, and a checkpoint with a message that waits."""
    recorded.fill(database)
    async with PostgresStore(database.settings) as store:
        before = await store.claim("windows", KEY, Checkpoint(4, "c"))
        after = replace(before, next_offset=9, version=before.version + 1)
        states = {"pole-07": b"state"}
        await store.commit("windows", [Commit(KEY, before, after, states, (window(),), (alert(),))])
    return database


def rows(database: str, filled: Database, table: str) -> list[str]:
    """Every column of every row, but for when its transaction was."""
    with psycopg.connect(filled.postgres.conninfo("cityhum_owner", database)) as connection:
        query = SQL("SELECT to_jsonb(t) - 'txid' FROM {} AS t").format(Identifier(table))
        found = connection.execute(query)
        return sorted(str(row) for (row,) in found)


async def test_what_is_restored_is_what_was_saved(
    filled: Database, owner: ProcessorSettings, empty: ProcessorSettings, tmp_path: Path
) -> None:
    place, said = backup.make(owner, tmp_path)
    assert [(one.program, one.next_offset) for one in said.reached] == [("windows", 9)]
    assert said.readings == len(rows("cityhum", filled, "reading")) > 0
    backup.note(owner, said)
    assert filled.query("SELECT made_at, bytes FROM backup") == [(said.made_at, said.bytes)]
    filled.query("DELETE FROM alert")  # what comes later is not in it
    assert backup.restore(empty, place) == said
    for table in set(TABLES) - {"alert"}:
        assert rows("restored", filled, table) == rows("cityhum", filled, table)
    assert len(rows("restored", filled, "alert")) > 0
    with psycopg.connect(filled.postgres.conninfo("cityhum_reader", "restored")) as reader:
        assert (
            reader.execute(SHOWN).fetchall()
            == reader.execute("SELECT count(*) FROM outbox").fetchall()
        )  # followers over HTTP are told by transaction ids


def test_a_replay_whose_shadow_was_left_out_is_not_listed(
    filled: Database, owner: ProcessorSettings, empty: ProcessorSettings, tmp_path: Path
) -> None:
    filled.query(
        "INSERT INTO replay (name, format, request, cluster_id) VALUES ('stricter', 1, '{}', 'c')"
    )
    try:
        backup.restore(empty, backup.make(owner, tmp_path)[0])
    finally:
        filled.query("DELETE FROM replay")
    assert rows("restored", filled, "replay") == []


async def test_a_worker_goes_on_from_a_restored_offset(
    filled: Database, owner: ProcessorSettings, empty: ProcessorSettings, tmp_path: Path
) -> None:
    backup.restore(empty, backup.make(owner, tmp_path)[0])
    again = filled.settings.model_copy(update={"postgres_db": "restored"})
    async with PostgresStore(again) as store:
        (checkpoint, states) = (await store.load("windows", [KEY]))[KEY]
    assert checkpoint is not None
    assert checkpoint.next_offset == 9
    assert states == {"pole-07": b"state"}


@pytest.mark.usefixtures("filled")
def test_only_an_empty_database_is_filled(owner: ProcessorSettings, tmp_path: Path) -> None:
    place, _ = backup.make(owner, tmp_path)
    with pytest.raises(BadConfig, match="is not empty"):
        backup.restore(owner, place)


@pytest.mark.usefixtures("filled")
def test_a_damaged_backup_changes_nothing(
    owner: ProcessorSettings, empty: ProcessorSettings, tmp_path: Path
) -> None:
    place, said = backup.make(owner, tmp_path)
    dump = place / backup.DUMP
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadConfig, match="is damaged"):
        backup.restore(empty, place)
    half = said.model_copy(update={"sha256": backup.sha256_of(dump)})
    (place / backup.SAID).write_text(half.model_dump_json())
    with pytest.raises(Unavailable, match="nothing was changed"):  # even if nobody had noticed
        backup.restore(empty, place)
    dump.write_bytes(whole)
    (place / backup.SAID).write_text(said.model_dump_json())
    assert backup.restore(empty, place) == said


def test_a_backup_that_was_cut_short_is_none(owner: ProcessorSettings, tmp_path: Path) -> None:
    (tmp_path / "20260504T101530Z.unfinished").mkdir()
    place, said = backup.make(owner, tmp_path)
    assert backup.kept(tmp_path) == ({place: said}, [])


async def test_who_was_let_in_before_waits_until_its_role_is_back(database: Database) -> None:
    role = Identifier(database.settings.postgres_user)
    word = database.postgres.password_file(database.settings.postgres_user).read_text().strip()
    change = SQL("ALTER ROLE {} PASSWORD {}")
    admin = psycopg.connect(database.postgres.conninfo("postgres", "postgres"), autocommit=True)
    async with PostgresStore(database.settings) as store:
        await store.load("windows", [KEY])
        admin.execute(change.format(role, Literal("another")))
        try:
            admin.execute(_END_SESSIONS, [database.settings.postgres_user])
            for _ in range(2):  # the connection that is gone, and the new one
                with pytest.raises(Unavailable):
                    await store.load("windows", [KEY])
        finally:
            admin.execute(change.format(role, Literal(word)))
            admin.close()
        await store.load("windows", [KEY])


def test_missing_readings_are_named(filled: Database, owner: ProcessorSettings) -> None:
    filled.query("DELETE FROM reading WHERE device = 'pole-01' AND seq BETWEEN 40 AND 59")
    filled.query("DELETE FROM reading WHERE device = 'pole-01' AND seq = 3")
    everything = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    found = gaps.found(owner, *everything)
    assert [(one.first_seq, one.count) for one in found] == [(3, 1), (40, 20)]
    later = (STARTED_AT + timedelta(seconds=50), everything[1])  # the gap goes back beyond it
    assert [(one.first_seq, one.count) for one in gaps.found(owner, *later)] == [(40, 20)]
    filled.query("DELETE FROM reading WHERE device = 'pole-01' AND seq < 40")
    assert [(one.first_seq, one.count) for one in gaps.found(owner, *everything)] == [(0, 60)]


def test_what_a_device_dropped_behind_its_newest_reading_is_named(
    filled: Database, owner: ProcessorSettings
) -> None:
    [(session,)] = filled.query("SELECT DISTINCT session FROM reading WHERE device = 'pole-01'")
    another, month_ago = (
        ulid(at, bytes(10)) for at in (STARTED_AT, STARTED_AT - timedelta(days=30))
    )
    told = [(session, 3, 1), (another, 0, 60), (another, 70, 7), (month_ago, 0, 60)]
    dropped = [dict(zip(("session", "first_seq", "count"), one, strict=True)) for one in told]
    filled.query(
        "UPDATE device SET status = %s, status_written_at = now() WHERE device = 'pole-01'",
        Jsonb({"dropped": dropped}),
    )
    found = gaps.found(owner, STARTED_AT, STARTED_AT + timedelta(hours=2))
    named = {(one.session, one.first_seq, one.count) for one in found if one.until is None}
    assert named == set(told[1:3])  # of the first one the readings behind it tell


async def test_windows_without_readings_that_are_stored_are_named(
    filled: Database, owner: ProcessorSettings
) -> None:
    begin, end = STARTED_AT, STARTED_AT + timedelta(seconds=120)
    filled.query("UPDATE reading SET written_at = written_at - interval '1 minute'")
    filled.query("UPDATE level_window SET coverage_s = 7 WHERE started_at = %s", begin)
    gone = begin + timedelta(seconds=40)
    filled.query("DELETE FROM level_window WHERE started_at = %s AND length_s = 10", gone)
    found = gaps.unfolded(owner, begin, end)
    assert [(one.started_at, one.count) for one in found] == [(begin, 3), (gone, 10)]


async def test_windows_that_lack_nothing_are_not_named(
    filled: Database, owner: ProcessorSettings
) -> None:
    begin, end = STARTED_AT, STARTED_AT + timedelta(seconds=120)
    filled.query("UPDATE reading SET written_at = written_at - interval '1 minute'")
    # a clock that was slewed: eleven middles in ten seconds
    filled.query("UPDATE reading SET started_at = started_at - interval '0.6 s' WHERE seq = 10")
    # beside calibrated readings relative ones are left out
    filled.query("UPDATE reading SET calibration = NULL WHERE seq BETWEEN 20 AND 23")
    covered = "UPDATE level_window SET coverage_s = %s WHERE started_at = %s AND length_s = 10"
    filled.query(covered, 9, begin + timedelta(seconds=10))
    filled.query(covered, 6, begin + timedelta(seconds=20))
    # all of a window relative: none is left out
    filled.query("UPDATE reading SET calibration = NULL WHERE seq BETWEEN 50 AND 59")
    filled.query(covered, 8, begin + timedelta(seconds=50))
    # written before the window could be
    filled.query(
        "DELETE FROM level_window WHERE started_at = %s AND length_s = 10",
        begin + timedelta(seconds=40),
    )
    filled.query(
        "UPDATE reading SET written_at = clock_timestamp() - interval '20 s'"
        " WHERE seq BETWEEN 40 AND 49"
    )
    found = gaps.unfolded(owner, begin, end)
    assert [(one.started_at, one.count) for one in found] == [(begin + timedelta(seconds=50), 2)]

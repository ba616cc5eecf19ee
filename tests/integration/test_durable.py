"""Workers on a real Kafka and PostgreSQL, killed in the middle of the stream."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from deploy.local.kafka import Kafka
from processors import windows
from processors.partitions import FoldRun, Key
from processors.settings import ProcessorSettings
from processors.window_keys import BASE_S
from processors.window_memory import WindowTable
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import ReadingEnvelope
from schemas.results import Window
from tests import workers
from tests.builders import STARTED_AT, labelled
from tests.database import Database, settings_for
from tests.streams import envelope

DEVICES = [f"pole-{n:02d}" for n in range(1, 21)]
PER_BATCH = 4
COLUMNS = (
    *("device", "length_s", "started_at", "laeq_db", "lceq_db", "lzeq_db", "lafmax_db"),
    *("lasmax_db", "lcpeak_db", "l10_db", "l50_db", "l90_db", "coverage_s", "final", "sums"),
)
ZONES = {"harbour": ZoneInfo("Europe/Berlin")}
STORED = f"SELECT {', '.join(COLUMNS)} FROM level_window"  # noqa: S608  # our own names
REACHED = """
SELECT count(*) = 0 FROM unnest(%s::integer[], %s::bigint[]) AS wanted (partition, next_offset)
LEFT JOIN checkpoint ON checkpoint.partition = wanted.partition AND program = 'windows'
WHERE checkpoint.next_offset IS DISTINCT FROM wanted.next_offset"""
BOTH_AT_WORK = "SELECT count(*) >= 2 FROM pg_stat_activity WHERE usename = 'cityhum_windows'"
PASSED = "SELECT sum(next_offset) >= %s FROM checkpoint WHERE program = 'windows'"


@pytest.fixture
async def settings(kafka: Kafka, database: Database) -> ProcessorSettings:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    return settings


Row = tuple[object, ...]


def log_of(seconds: int) -> list[tuple[Key, bytes]]:
    """Readings of twenty devices, ticks, and every fifth batch twice."""
    records: list[tuple[Key, bytes]] = []
    for n, first_seq in enumerate(range(0, seconds, PER_BATCH)):
        for number, device in enumerate(DEVICES):
            key = Key(topics.READINGS, topics.partition(device))
            heard = [50.0 + (7 * seq + number) % 30 for seq in range(PER_BATCH)]
            record = key, envelope(labelled(first_seq, heard, device=device))
            records += [record] * (2 if (n + number) % 5 == 0 else 1)
        tick = STARTED_AT + timedelta(seconds=first_seq + PER_BATCH)
        mark = encode(ReadingEnvelope(tick=tick))
        records += [(key, mark) for key in workers.partitions(topics.READINGS)]
    return records


def undisturbed(records: Sequence[tuple[Key, bytes]]) -> set[Row]:
    """Rows of a run in which nothing happens."""
    runs = {key: FoldRun(windows.fold(ZONES), {}) for key in workers.partitions(topics.READINGS)}
    table = WindowTable()
    for key, value in records:
        runs[key].apply(value)
        table.apply(runs[key].settle())
    return {tuple(getattr(row, name) for name in COLUMNS) for row in table.rows.values()}


def told(database: Database) -> set[tuple[object, ...]]:
    """Final windows that the outbox tells of, as they stand last."""
    newest = {}
    for (payload,) in database.query("SELECT payload::text FROM outbox ORDER BY id"):
        window = Window.model_validate_json(payload)
        newest[window.device, window.length_s, window.started_at] = window
    names = [name for name in COLUMNS if name != "sums"]
    return {tuple(getattr(window, name) for name in names) for window in newest.values()}


def final(rows: set[Row]) -> set[Row]:
    """What others are told of rows: the final ones of a minute and more."""
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return {
        tuple(value for name, value in row.items() if name != "sums")
        for row in named
        if row["final"] is True and row["length_s"] != BASE_S
    }


def reached(positions: Mapping[Key, int]) -> tuple[list[int], list[int]]:
    return [key.partition for key in positions], list(positions.values())


async def test_killed_workers_lose_nothing_and_count_nothing_twice(
    settings: ProcessorSettings, database: Database
) -> None:
    records = log_of(seconds=3600)
    start = await workers.start_here("windows", topics.READINGS, settings)
    await workers.append(settings, records)
    for kill in range(3):
        passed = sum(start.values()) + (kill + 1) * len(records) // 5
        async with workers.worker("windows", settings):
            await database.until(PASSED, passed)
    end = await workers.ends(topics.READINGS, settings)
    async with workers.worker("windows", settings) as last:
        await database.until(REACHED, *reached(end))
        assert await workers.stopped(last) == 0
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows
    assert told(database) == final(rows)


@pytest.mark.parametrize("behind", [True, False], ids=["group ahead", "group behind"])
async def test_the_checkpoint_counts_not_the_group(
    settings: ProcessorSettings, database: Database, *, behind: bool
) -> None:
    start = await workers.start_here("windows", topics.READINGS, settings)
    records = log_of(seconds=40)
    await workers.append(settings, records)
    end = await workers.ends(topics.READINGS, settings)
    group = end if behind else dict.fromkeys(start, 0)
    await workers.commit_group("cityhum-windows", group, settings)
    async with workers.worker("windows", settings) as one:
        await database.until(REACHED, *reached(end))
        assert await workers.stopped(one) == 0
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows


async def test_a_worker_waits_for_its_database(
    settings: ProcessorSettings, database: Database
) -> None:
    await workers.start_here("windows", topics.READINGS, settings)
    records = log_of(seconds=40)
    async with workers.worker("windows", settings) as one:
        database.postgres.kill()
        await workers.append(settings, records)
        database.postgres.start()
        await database.until(REACHED, *reached(await workers.ends(topics.READINGS, settings)))
        assert await workers.stopped(one) == 0
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows


async def test_a_worker_outlives_an_outage_of_kafka(
    settings: ProcessorSettings, database: Database, kafka: Kafka
) -> None:
    await workers.start_here("windows", topics.READINGS, settings)
    records = log_of(seconds=80)
    async with workers.worker("windows", settings) as one:
        await workers.append(settings, records[: len(records) // 2])
        await database.until(REACHED, *reached(await workers.ends(topics.READINGS, settings)))
        kafka.kill()
        kafka.start()
        await workers.append(settings, records[len(records) // 2 :])
        await database.until(REACHED, *reached(await workers.ends(topics.READINGS, settings)))
        assert await workers.stopped(one) == 0
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows


async def test_a_log_that_began_anew_is_read_from_its_beginning(
    settings: ProcessorSettings, database: Database
) -> None:
    await workers.start_here("windows", topics.READINGS, settings)
    database.query("UPDATE checkpoint SET cluster_id = 'another', next_offset = 10^9")
    end = await workers.ends(topics.READINGS, settings)
    async with workers.worker("windows", settings) as one:
        await database.until(REACHED, *reached(end))
        assert await workers.stopped(one) == 0
    assert database.query("SELECT DISTINCT epoch FROM checkpoint") == [(1,)]


async def test_workers_share_the_partitions_and_take_over(
    settings: ProcessorSettings, database: Database
) -> None:
    records = log_of(seconds=240)
    part = len(records) // 3
    start = await workers.start_here("windows", topics.READINGS, settings)
    async with workers.worker("windows", settings) as first:
        await workers.append(settings, records[:part])
        await database.until(PASSED, sum(start.values()) + part // 2)
        async with workers.worker("windows", settings):
            await database.until(BOTH_AT_WORK)
            await workers.append(settings, records[part : 2 * part])
            await database.until(PASSED, sum(start.values()) + part + part // 2)
        await workers.append(settings, records[2 * part :])  # the second was killed
        await database.until(REACHED, *reached(await workers.ends(topics.READINGS, settings)))
        assert await workers.stopped(first) == 0
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows
    assert told(database) == final(rows)

"""Replays on a real Kafka and PostgreSQL, beside live workers that have heard the same log."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from psycopg.errors import CheckViolation

from cityhum.status import Status
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from processors import replay as replays
from processors.adapters import (
    replay_catalog,
    replay_compare,
    replay_promote,
    replay_tables,
    replaying,
    rule_file,
)
from processors.partitions import Key
from processors.replay import Request, Span
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import (
    FeatureEnvelope,
    ReadingEnvelope,
    ReceivedFeatures,
    ReceivedResults,
    ResultEnvelope,
)
from schemas.errors import BadConfig, LogGap
from tests import workers
from tests.batches import feature_batch, result_batch
from tests.builders import STARTED_AT, labelled
from tests.database import Database, settings_for
from tests.servers import JARS
from tests.streams import envelope

DEVICES = [f"pole-{n:02d}" for n in range(1, 7)]
RULES = rule_file.load(Path("deploy/alerts.yaml"))
SPAN = Span(STARTED_AT, STARTED_AT + timedelta(seconds=280))
SECONDS = 300
REACHED = """
SELECT count(*) = 0 FROM unnest(%s::integer[], %s::bigint[]) AS wanted (partition, next_offset)
CROSS JOIN unnest(ARRAY['windows', 'alerts']) AS at_work (program)
LEFT JOIN checkpoint USING (program, partition)
WHERE checkpoint.next_offset IS DISTINCT FROM wanted.next_offset"""
LIVE_STATE = """
SELECT (SELECT array_agg(c ORDER BY c) FROM checkpoint c),
    (SELECT array_agg(s ORDER BY s) FROM fold_state s), (SELECT count(*) FROM outbox),
    (SELECT count(*) FROM level_window), (SELECT count(*) FROM alert)"""
SPOIL = """
UPDATE level_window SET laeq_db = 99 WHERE device = 'pole-06';
DELETE FROM label_window WHERE device = 'pole-06';
UPDATE alert SET device = 'pole-06', alert_id = gen_random_uuid() WHERE alert_id =
    (SELECT alert_id FROM alert WHERE device = 'pole-06' ORDER BY onset_at LIMIT 1)"""

STUCK = """
ALTER TABLE replay_again.checkpoint ADD CONSTRAINT stuck CHECK (partition <> {}) NOT VALID"""


class Lived(NamedTuple):
    """A log that live workers have heard, and only they."""

    settings: ProcessorSettings
    database: Database


def heard(until: int, since: int = 0) -> list[tuple[Key, bytes]]:
    """Six devices with sirens, ticks every 5 s, some batches twice, one minute late."""
    records: list[tuple[Key, bytes]] = []
    late: list[tuple[Key, bytes]] = []
    for seq in range(since, until):
        for number, device in enumerate(DEVICES):
            siren = {"siren": 800} if (seq + 10 * number) % 90 < 12 else {"traffic": 650}
            batch = labelled(seq, [50.0 + (7 * seq + number) % 30], labels=[siren], device=device)
            key = Key(topics.READINGS, topics.partition(device))
            record = key, envelope(batch)
            (late if number == 3 and 100 <= seq < 160 else records).append(record)
            if (seq + number) % 17 == 0:
                records.append(record)
        if seq % 5 == 4:
            mark = encode(ReadingEnvelope(tick=STARTED_AT + timedelta(seconds=seq + 1)))
            records += [(key, mark) for key in workers.partitions(topics.READINGS)]
        if seq == 220:
            records += [(late[0][0], b"no envelope"), *late]
    return records


async def lives(
    settings: ProcessorSettings, database: Database, records: Sequence[tuple[Key, bytes]]
) -> None:
    """Let live workers hear these records to their end."""
    await workers.append(settings, records)
    end = await workers.ends(topics.READINGS, settings)
    async with workers.worker("windows", settings), workers.worker("alerts", settings):
        await database.until(REACHED, [key.partition for key in end], list(end.values()))


@pytest.fixture(scope="module")
def lived(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Five minutes of six devices; a Kafka of its own, since a replay reads all of a topic."""
    kafka = Kafka(tmp_path_factory.mktemp("replay"), jars=JARS)
    database = Database(postgres)
    settings = settings_for(postgres, "cityhum_replay", kafka_bootstrap=kafka.bootstrap)
    try:
        kafka.start()
        database.prepare()
        asyncio.run(workers.planned_topics(settings))
        asyncio.run(lives(settings, database, heard(SECONDS)))
        yield Lived(settings, database)
    finally:
        kafka.stop()


def asked(name: str, span: Span = SPAN, **others: object) -> Request:
    return replays.request(name, span, RULES).model_copy(update=others)


async def replayed(lived: Lived, request: Request, processes: int = 1) -> replaying.Progress:
    return await replaying.replay(lived.settings, request, lambda _: None, processes=processes)


async def hashes(lived: Lived, request: Request) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Of the live rows and of the replayed ones."""
    async with replay_catalog.opened(lived.settings, request.name) as connection:
        return (
            await replay_tables.hashes(connection, replay_tables.LIVE, request),
            await replay_tables.hashes(connection, f"replay_{request.name}", request),
        )


async def test_replays_at_the_same_time_give_the_live_rows_and_touch_nothing_live(
    lived: Lived,
) -> None:
    before = lived.database.query(LIVE_STATE)
    one, two = asked("one"), asked("two", Span(STARTED_AT, STARTED_AT + timedelta(seconds=200)))
    done, _ = await asyncio.gather(replayed(lived, one), replayed(lived, two, processes=2))
    assert done.in_span >= 280 * len(DEVICES)  # some came twice
    assert done.unreadable == 1
    for request in (one, two):
        live, again = await hashes(lived, request)
        assert live == again
    assert lived.database.query(LIVE_STATE) == before
    (rows,) = lived.database.query(
        "SELECT (SELECT count(*) FROM replay_one.level_window WHERE final),"
        " (SELECT count(*) FROM replay_one.alert), (SELECT count(*) FROM replay_one.label_window)"
    )
    assert min(rows) > 10


async def test_another_rule_is_told_by_its_alerts(lived: Lived, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    text = Path("deploy/alerts.yaml").read_text(encoding="utf-8")
    rules.write_text(text.replace("on_seconds: 3", "on_seconds: 5"), encoding="utf-8")
    request = asked("stricter", rules=rule_file.load(rules))
    await replayed(lived, request)
    async with replay_catalog.opened(lived.settings, "stricter") as connection:
        found = await replay_compare.compared(connection, request)
    assert not any(diff.changed + diff.gained + diff.lost for diff in found.windows.values())
    assert not found.alerts.lost
    assert found.alerts.same + len(found.alerts.moved) > 10


async def test_chosen_devices_alone_are_replayed(lived: Lived) -> None:
    request = asked("chosen", devices=("pole-01", "pole-04"))
    await replayed(lived, request)
    live, again = await hashes(lived, request)
    assert live == again
    there = lived.database.query(
        "SELECT DISTINCT device FROM replay_chosen.level_window ORDER BY 1"
    )
    assert there == [("pole-01",), ("pole-04",)]


async def test_a_replay_takes_the_place_of_spoilt_rows_as_of_where_the_live_folds_are(
    lived: Lived,
) -> None:
    request = asked("repaired", devices=("pole-06",))
    await replayed(lived, request)
    await lives(lived.settings, lived.database, heard(SECONDS + 20, since=SECONDS))
    live, again = await hashes(lived, request)
    assert live == again
    lived.database.query(SPOIL)
    spoilt, _ = await hashes(lived, request)
    assert spoilt != live
    await replay_promote.promote(lived.settings, "repaired")
    assert await hashes(lived, request) == (live, live)
    with pytest.raises(BadConfig, match="is promoted"):
        await replay_promote.promote(lived.settings, "repaired")


async def test_an_interrupted_promotion_can_be_tried_again(lived: Lived) -> None:
    """Between the rows that catch up and the note of where the replay stands."""
    span = Span(STARTED_AT, STARTED_AT + timedelta(seconds=SECONDS + 35))
    await replayed(lived, asked("again", span))
    await lives(lived.settings, lived.database, heard(SECONDS + 80, since=SECONDS + 20))
    lived.database.query(STUCK.format(topics.partition("pole-06")))
    with pytest.raises(CheckViolation):
        await replay_promote.promote(lived.settings, "again")
    lived.database.query("ALTER TABLE replay_again.checkpoint DROP CONSTRAINT stuck")
    await replay_promote.promote(lived.settings, "again")
    await replayed(lived, asked("cold", span))
    live, cold = await hashes(lived, asked("cold", span))
    assert live == cold


async def test_names_are_taken_until_dropped(lived: Lived) -> None:
    await replayed(lived, asked("taken"))
    with pytest.raises(BadConfig, match="exists already"):
        await replayed(lived, asked("taken"))
    lived.database.query("UPDATE replay SET format = format + 1 WHERE name = 'taken'")
    with pytest.raises(BadConfig, match="newer version"):
        await replay_promote.promote(lived.settings, "taken")
    async with replay_catalog.opened(lived.settings, "taken") as connection:
        entries = {entry.name: entry for entry in await replay_catalog.entries(connection)}
        assert (entries["taken"].state, entries["taken"].running) == ("complete", False)
        async with replay_catalog.opened(lived.settings, "taken") as other:
            await replay_catalog.claim(other, "taken")
            with pytest.raises(BadConfig, match="is running"):
                await replay_catalog.drop(connection, "taken")
            await other.execute("SELECT pg_advisory_unlock_all()")  # its end takes a moment
        await replay_catalog.drop(connection, "taken")
        with pytest.raises(BadConfig, match="no replay"):
            await replay_catalog.drop(connection, "taken")


@pytest.mark.parametrize("processes", [1, 2])
async def test_readings_of_a_site_that_is_no_more_are_refused(
    lived: Lived, tmp_path: Path, processes: int
) -> None:
    """Its days would begin at midnight of UTC."""
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites: [{site: park}]", encoding="utf-8")
    without = Lived(lived.settings.model_copy(update={"sites_file": sites}), lived.database)
    with pytest.raises(BadConfig, match=r"site harbour, .* keep it there, without devices"):
        await replayed(without, asked("moved"), processes)
    assert lived.database.query("SELECT count(*) FROM replay WHERE name = 'moved'") == [(0,)]
    sites.write_text("sites: [{site: harbour, time_zone: Europe/Berlin}]", encoding="utf-8")
    await replayed(without, asked("moved"), processes)
    async with replay_catalog.opened(lived.settings, "moved") as connection:
        await replay_catalog.drop(connection, "moved")


async def test_nothing_is_left_of_a_span_without_readings(lived: Lived) -> None:
    later = SPAN.end + timedelta(days=1)
    with pytest.raises(BadConfig, match="no readings between"):
        await replayed(lived, asked("empty", Span(later, later + timedelta(hours=1))))
    assert lived.database.query("SELECT count(*) FROM replay WHERE name = 'empty'") == [(0,)]


async def test_a_replay_that_is_interrupted_says_that_it_is_incomplete(lived: Lived) -> None:
    def stop(_: replaying.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await replaying.replay(lived.settings, asked("stopped"), stop)
    with pytest.raises(BadConfig, match="is incomplete"):
        await replay_promote.promote(lived.settings, "stopped")


async def test_the_reader_may_look_at_replays_but_not_at_states(lived: Lived) -> None:
    await replayed(lived, asked("seen"))
    reader = settings_for(lived.database.postgres, "cityhum_reader")
    async with replay_catalog.opened(reader, "seen") as connection:
        assert await replay_tables.hashes(connection, "replay_seen", asked("seen"))
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute("SELECT * FROM fold_state")
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute("SELECT public.replay_drop('seen')")


async def test_a_model_hears_the_features_again_but_is_never_promoted(lived: Lived) -> None:
    partition = topics.partition("pole-20")
    first, second = (
        ReceivedFeatures(
            batch=feature_batch(seq, 30, device="pole-20"),
            received_at=STARTED_AT + timedelta(seconds=seq + 30),
            digest="0" * 32,
        )
        for seq in (0, 30)
    )
    own = ReceivedResults(
        batch=result_batch(60).model_copy(update={"device": "pole-20"}),
        received_at=STARTED_AT + timedelta(seconds=61),
        digest="0" * 32,
    )
    log = [
        (Key(topics.FEATURES, partition), encode(FeatureEnvelope(batches=(first,)))),
        (Key(topics.FEATURES, partition), encode(FeatureEnvelope(batches=(second,)))),
        (Key(topics.RESULTS, partition), encode(ResultEnvelope(batches=(own,)))),
    ]
    await workers.append(lived.settings, log)
    silent = Key(topics.RESULTS, (partition + 1) % topics.PARTITIONS)
    await workers.append(lived.settings, [(silent, log[-1][1])])
    await remove(lived, silent, 1)  # no ticks go there: nothing was heard for a week
    done = await replayed(lived, asked("other", model="street8-0.3.0"))
    assert done.in_span == 61
    windows = "SELECT sum(coverage_s) FROM replay_other.level_window WHERE length_s = 10 AND final"
    assert lived.database.query(windows) == [(50,)]  # the watermark is 2 s behind second 61
    with pytest.raises(BadConfig, match="heard model"):
        await replay_promote.promote(lived.settings, "other")
    with pytest.raises(BadConfig, match="no model"):
        await replayed(lived, asked("none", model="street9"))
    assert lived.database.query("SELECT count(*) FROM replay WHERE name = 'none'") == [(0,)]


async def typed(lived: Lived, *words: str, heard: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cityhum", "replay", *words),
        env=workers.environment(lived.settings),
        cwd=workers.ROOT,
        stdout=heard,
        stderr=heard,
    )


async def said(lived: Lived, *words: str) -> tuple[int | None, str]:
    process = await typed(lived, *words)
    out, err = await process.communicate()
    return process.returncode, (out + err).decode()


TYPED = ["--from", SPAN.begin.isoformat(), "--to", SPAN.end.isoformat(), "--into"]


async def remove(lived: Lived, key: Key, before: int) -> None:
    """Let records go, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=lived.settings.kafka_bootstrap)
    await admin.start()
    try:
        partition = TopicPartition(*key)
        await admin.delete_records({partition: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def test_the_command_line_replays_compares_and_drops(lived: Lived) -> None:
    status, text = await said(lived, *TYPED, "typed")
    assert (status, "× real time" in text) == (0, True), text
    status, text = await said(lived, "digest", "typed", "--json")
    assert (status, '"identical": true' in text) == (0, True), text
    status, text = await said(lived, "drop", "typed")
    assert (status, text) == (0, "typed removed\n")


async def test_a_replay_up_to_now_is_compared_as_of_where_live_is(lived: Lived) -> None:
    """What live has heard since is no difference; what it has not heard yet is told."""
    now = Span(STARTED_AT, STARTED_AT + timedelta(seconds=SECONDS + 200))
    await replayed(lived, asked("now", now))
    await lives(lived.settings, lived.database, heard(SECONDS + 100, since=SECONDS + 80))
    live, before = await hashes(lived, asked("now", now))
    assert live != before
    status, text = await said(lived, "digest", "now", "--json")
    assert (status, '"apart": ""' in text) == (0, True), text
    assert await hashes(lived, asked("now", now)) == (live, live)

    await workers.append(lived.settings, heard(SECONDS + 120, since=SECONDS + 100))
    await replayed(lived, asked("ahead", now))
    status, text = await said(lived, "digest", "ahead")
    assert (status, "behind the replay" in text) == (1, True), text
    assert "newest rows may differ" in (await said(lived, "diff", "ahead"))[1]
    await lives(lived.settings, lived.database, ())
    status, text = await said(lived, "diff", "ahead", "--json")
    assert (status, '"apart": ""' in text, '"lost": []' in text) == (0, True, True), text


@pytest.fixture
def stuck(lived: Lived) -> Iterator[psycopg.Connection]:
    """Keeps what is stored into a replay called `cut` from going on, once it is there."""
    with psycopg.connect(lived.database.postgres.conninfo("cityhum_owner")) as connection:
        yield connection


async def at_work(lived: Lived, stuck: psycopg.Connection, process: Process) -> list[int]:
    """The crew of a replay in two processes, each about to store something."""
    there = "SELECT to_regclass('replay_cut.checkpoint') IS NOT NULL"
    waiting = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'relation' AND NOT granted"
    async with asyncio.timeout(60):
        for query in (there, waiting):
            while lived.database.query(query) != [(True,)]:
                assert process.returncode is None
                await asyncio.sleep(0)
            if query is there:
                stuck.execute("LOCK TABLE replay_cut.checkpoint")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in _command(int(pid))]


def _command(pid: int) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def see_gone(crew: Sequence[int]) -> None:
    until_s = time.monotonic() + 20
    while any(map(_command, crew)):
        assert time.monotonic() < until_s


async def test_who_works_for_a_killed_replay_ends_with_it(
    lived: Lived, stuck: psycopg.Connection
) -> None:
    process = await typed(lived, *TYPED, "cut", "--jobs", "2", heard=DEVNULL)
    crew = await at_work(lived, stuck, process)
    assert len(crew) == 2
    try:
        for pid in crew:  # lest they end before we have looked
            os.kill(pid, signal.SIGSTOP)
        process.kill()
        await process.wait()
        assert await said(lived, "drop", "cut") == (2, "cityhum: replay cut is running\n")
        assert "running" in (await said(lived, "list"))[1]
    finally:
        for pid in crew:
            os.kill(pid, signal.SIGCONT)
    see_gone(crew)
    stuck.rollback()
    assert lived.database.query("SELECT count(*) FROM replay_cut.checkpoint") == [(0,)]
    assert await said(lived, "drop", "cut") == (0, "cut removed\n")


async def test_a_replay_that_is_asked_to_end_ends_its_crew(
    lived: Lived, stuck: psycopg.Connection
) -> None:
    process = await typed(lived, *TYPED, "cut", "--jobs", "2")
    crew = await at_work(lived, stuck, process)
    process.terminate()
    _, told = await process.communicate()
    assert process.returncode == Status.INTERRUPTED
    assert told.decode().endswith("cityhum: cut is incomplete: cityhum replay drop cut\n")
    see_gone(crew)
    stuck.rollback()
    assert await said(lived, "drop", "cut") == (0, "cut removed\n")


async def test_what_retention_has_removed_is_named(lived: Lived) -> None:
    """The last of all: nothing can be replayed after this."""
    await remove(lived, Key(topics.READINGS, topics.partition("pole-01")), 10)
    with pytest.raises(LogGap, match="retention has left what came after 20"):
        await replayed(lived, asked("gone"))

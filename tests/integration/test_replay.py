"""Replays on a real Kafka and PostgreSQL, beside live workers that have heard the same log."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.kafka import Kafka
from processors import replay as replays
from processors.adapters import replay_catalog, replay_tables, replaying, rule_file
from processors.partitions import Key
from processors.replay import Request, Span
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import ReadingEnvelope
from tests import workers
from tests.builders import STARTED_AT, labelled
from tests.database import Database, settings_for
from tests.streams import envelope

DEVICES = [f"pole-{n:02d}" for n in range(1, 7)]
RULES = rule_file.load(Path("deploy/alerts.yaml"))
SPAN = Span(STARTED_AT, STARTED_AT + timedelta(seconds=280))
REACHED = """
SELECT count(*) = 0 FROM unnest(%s::integer[], %s::bigint[]) AS wanted (partition, next_offset)
CROSS JOIN unnest(ARRAY['windows', 'alerts']) AS at_work (program)
LEFT JOIN checkpoint USING (program, partition)
WHERE checkpoint.next_offset IS DISTINCT FROM wanted.next_offset"""


def heard(seconds: int) -> list[tuple[Key, bytes]]:
    """Six devices with sirens, ticks every 5 s, some batches twice, one minute late."""
    records: list[tuple[Key, bytes]] = []
    late: list[tuple[Key, bytes]] = []
    for seq in range(seconds):
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
            records += late
    return records


@pytest.fixture
async def settings(kafka: Kafka, database: Database) -> ProcessorSettings:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    return settings


async def lived(
    settings: ProcessorSettings, database: Database, records: Sequence[tuple[Key, bytes]]
) -> None:
    """Let live workers hear these records and nothing else."""
    for program in ("windows", "alerts"):
        await workers.start_here(program, topics.READINGS, settings)
    await workers.append(settings, records)
    end = await workers.ends(topics.READINGS, settings)
    reached = [key.partition for key in end], list(end.values())
    async with workers.worker("windows", settings), workers.worker("alerts", settings):
        await database.until(REACHED, *reached)


def asked(name: str = "again", span: Span = SPAN, **others: object) -> Request:
    return replays.request(name, span, RULES).model_copy(update=others)


def unseen(_: replaying.Progress) -> None:
    """Nobody looks."""


async def test_a_replay_gives_the_same_rows(
    settings: ProcessorSettings, database: Database
) -> None:
    await lived(settings, database, heard(300))
    done = await replaying.replay(settings, asked(), unseen)
    assert done.in_span >= 280 * len(DEVICES)  # some came twice
    async with replay_catalog.opened(settings, "again") as connection:
        hashes = await replay_tables.hashes(connection, asked())
    assert all(one.live == one.replayed for one in hashes), hashes
    assert database.query('SELECT count(*) > 100 FROM "replay_again".level_window') == [(True,)]
    assert database.query('SELECT count(*) > 10 FROM "replay_again".alert') == [(True,)]

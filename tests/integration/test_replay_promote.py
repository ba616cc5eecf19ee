"""What a promotion may not do to the live record, on a real Kafka and PostgreSQL."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from processors import replay as replays
from processors.adapters import replay_catalog, replay_promote, replay_tables, replaying
from processors.partitions import Key
from processors.replay import Request, Span
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import ReadingEnvelope
from schemas.errors import BadConfig, LogGap
from tests import workers
from tests.builders import STARTED_AT, labelled
from tests.database import Database, settings_for
from tests.servers import JARS
from tests.streams import envelope

DEVICE = "pole-01"
KEY = Key(topics.READINGS, topics.partition(DEVICE))
REACHED = """
SELECT count(*) = 2 FROM checkpoint
WHERE partition = %s AND next_offset = %s AND program = ANY (ARRAY['windows', 'alerts'])"""
LIVE_ROWS = """
SELECT (SELECT array_agg(w ORDER BY w) FROM level_window w),
    (SELECT array_agg(w ORDER BY w) FROM label_window w)"""
LONGEST = "SELECT max(coverage_s) FROM level_window WHERE length_s = 10"


class Lived(NamedTuple):
    """A log of its own and a database; live workers hear when they are told."""

    settings: ProcessorSettings
    database: Database

    async def hears(self, records: Sequence[bytes]) -> None:
        """Append records of a device; live workers hear them to their end, and stop."""
        await workers.append(self.settings, [(KEY, record) for record in records])
        end = (await workers.ends(topics.READINGS, self.settings))[KEY]
        async with (
            workers.worker("windows", self.settings),
            workers.worker("alerts", self.settings),
        ):
            await self.database.until(REACHED, KEY.partition, end)

    async def replayed(self, name: str, end_s: int) -> Request:
        """Replay a span of the device that begins with its first reading."""
        span = Span(STARTED_AT, STARTED_AT + timedelta(seconds=end_s))
        request = replays.request(name, span, (), devices=[DEVICE])
        await replaying.replay(self.settings, request, lambda _: None)
        return request

    async def empty_log(self) -> None:
        """Lose all records, under the same cluster's id."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([topics.READINGS])
            while topics.READINGS in await admin.list_topics():  # noqa: ASYNC110  # Kafka tells nobody
                await asyncio.sleep(0.1)
        finally:
            await admin.close()
        await workers.planned_topics(self.settings)


@pytest.fixture
def lived(
    postgres: Postgres, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    """Nothing was heard yet."""
    kafka = Kafka(tmp_path_factory.mktemp("promote"), jars=JARS)
    database.query("SELECT replay_drop(name) FROM replay")
    try:
        kafka.start()
        settings = settings_for(postgres, "cityhum_replay", kafka_bootstrap=kafka.bootstrap)
        asyncio.run(workers.planned_topics(settings))
        yield Lived(settings, database)
    finally:
        kafka.stop()


def heard(begin_s: int, end_s: int) -> list[bytes]:
    """A reading each second."""
    return [
        envelope(labelled(seq, [50.0 + seq % 30], labels=[{"traffic": 650}], device=DEVICE))
        for seq in range(begin_s, end_s)
    ]


def tick(at_s: int) -> bytes:
    return encode(ReadingEnvelope(tick=STARTED_AT + timedelta(seconds=at_s)))


async def test_a_day_whose_log_was_lost_is_never_promoted(lived: Lived) -> None:
    await lived.hears(heard(0, 100))
    await lived.replayed("before", 90)
    await lived.empty_log()
    with pytest.raises(BadConfig, match="log that began anew"):  # the live folds do not know yet
        await replay_promote.promote(lived.settings, "before")
    await lived.hears(heard(100, 300))
    rows = lived.database.query(LIVE_ROWS)
    with pytest.raises(BadConfig, match="log that began anew"):
        await replay_promote.promote(lived.settings, "before")
    with pytest.raises(LogGap, match="a log that began anew has left what came after"):
        await lived.replayed("seam", 290)
    assert lived.database.query(LIVE_ROWS) == rows


async def test_what_a_live_fold_holds_of_a_window_is_not_counted_twice(lived: Lived) -> None:
    """A window of which six seconds were written early, when three more came."""
    await lived.hears([*heard(0, 96), tick(120)])
    await lived.hears(heard(96, 99))
    await lived.replayed("whole", 110)
    await replay_promote.promote(lived.settings, "whole")
    await lived.hears([*heard(110, 130), tick(150)])
    assert lived.database.query(LONGEST) == [(10.0,)]
    request = await lived.replayed("cold", 110)
    async with replay_catalog.opened(lived.settings, "cold") as connection:
        live = await replay_tables.hashes(connection, replay_tables.LIVE, request)
        cold = await replay_tables.hashes(connection, "replay_cold", request)
    assert live == cold


async def test_rows_that_stay_as_they_are_are_not_even_locked(lived: Lived) -> None:
    await lived.hears(heard(0, 100))
    await lived.replayed("same", 90)
    before = lived.database.query("SELECT xmin, ctid, xmax FROM level_window WHERE final")
    await replay_promote.promote(lived.settings, "same")
    after = lived.database.query("SELECT xmin, ctid, xmax FROM level_window WHERE final")
    assert after == before

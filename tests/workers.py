"""Processor processes for tests: started as an operator would, ended as a crash or an operator."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.programs import access_table
from processors import topic_plan
from processors.adapters.kafka import create_topics
from processors.adapters.offsets import opened_offsets
from processors.adapters.producer import producer
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Key
from processors.settings import ProcessorSettings
from schemas import topics

ROOT = Path(__file__).parents[1]


def environment(settings: ProcessorSettings) -> Mapping[str, str]:
    """Environment of a process with these settings."""
    ours = {
        f"CITYHUM_{name.upper()}": str(getattr(settings, name))
        for name in settings.model_fields_set
    }
    return {**os.environ, **ours}


def own(program: str, settings: ProcessorSettings) -> ProcessorSettings:
    """Settings with the program's role in PostgreSQL, if it has any."""
    role = access_table().programs[program].postgres
    if role is None or settings.postgres_password_file is None:
        return settings
    login = {
        "postgres_user": role,
        "postgres_password_file": settings.postgres_password_file.with_name(role),
    }
    return settings.model_copy(update=login)


@asynccontextmanager
async def worker(program: str, settings: ProcessorSettings) -> AsyncIterator[Process]:
    """Yield a running processor with a login of its own; killed at the end, if it still is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cityhum", "work", program),
        env=environment(own(program, settings)),
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def stopped(process: Process) -> int:
    """Ask a processor to stop; its exit status."""
    process.terminate()
    return await asyncio.wait_for(process.wait(), 10)


def partitions(topic: str) -> list[Key]:
    """All partitions of a topic."""
    return [Key(topic, n) for n in range(topics.PARTITIONS)]


async def planned_topics(settings: ProcessorSettings) -> None:
    """Create the topics that are missing."""
    text = (ROOT / "deploy" / "kafka" / "topics.yaml").read_text(encoding="utf-8")
    await create_topics(settings, topic_plan.parse(text))


async def append(settings: ProcessorSettings, records: Iterable[tuple[Key, bytes]]) -> None:
    """Append records, with keys since a compacted topic wants one; done when Kafka has them."""
    async with producer(settings) as appending:
        sent = [
            await appending.send(key.topic, value, key=b"%d" % n, partition=key.partition)
            for n, (key, value) in enumerate(records)
        ]
        for one in sent:
            await one


async def start_here(program: str, topic: str, settings: ProcessorSettings) -> Mapping[Key, int]:
    """Let a program begin at the present end of a topic; where that is."""
    async with opened_offsets(settings) as offsets, PostgresStore(settings) as store:
        spans = await offsets.spans(partitions(topic))
        for key, span in spans.items():
            await store.claim(program, key, Checkpoint(span.end, span.cluster_id))
    return {key: span.end for key, span in spans.items()}


async def commit_group(
    group: str, positions: Mapping[Key, int], settings: ProcessorSettings
) -> None:
    """Make Kafka believe that a group has come this far."""
    wanted = {TopicPartition(*key): offset for key, offset in positions.items()}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap, group_id=group, enable_auto_commit=False
    )
    async with consumer:
        consumer.assign(list(wanted))
        await consumer.commit(wanted)


async def ends(topic: str, settings: ProcessorSettings) -> Mapping[Key, int]:
    """Offset behind the last record of each partition."""
    async with opened_offsets(settings) as offsets:
        return await offsets.ends(partitions(topic))

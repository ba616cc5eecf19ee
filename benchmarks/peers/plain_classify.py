"""Classify as a plain aiokafka loop: what was fetched goes through the model, then is committed."""

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.peers.scoring import Scorer

AT_ONCE = 64


async def main(bootstrap: str, model: str, source: str, target: str) -> None:
    """Work until killed."""
    scorer = Scorer(Path(model))
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=bootstrap,
        group_id="plain",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5
    )
    async with consumer, producer:
        while True:
            found = await consumer.getmany(timeout_ms=1000, max_records=AT_ONCE)
            records = [record for some in found.values() for record in some]
            if records:
                answers = scorer.encoded([record.value for record in records])
                safe = [await producer.send(target, value) for value in answers]
                await asyncio.gather(*safe)
                await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

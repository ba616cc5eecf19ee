"""The one kind of Kafka producer that we use: idempotent, and nothing counts before its ack."""

from aiokafka import AIOKafkaProducer

from processors.adapters import kafka_login
from processors.settings import ProcessorSettings

MAX_RECORD_BYTES = (1024 + 64) * 1024
"""A dead letter can be a whole MQTT packet (1 MiB) with headers; envelopes stay below 256 KiB."""


def producer(settings: ProcessorSettings) -> AIOKafkaProducer:
    """Build a producer, to be started; every delivery must be awaited by its caller."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id="cityhum",
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_batch_size=128 * 1024,
        max_request_size=MAX_RECORD_BYTES,
        compression_type="zstd",
        request_timeout_ms=20_000,
        **kafka_login.of_client(settings),
    )

"""The bridge that everybody writes first: MQTT in, Kafka out, acknowledged as soon as it comes.

Judges nothing, so it does less than ours; MQTT's acknowledgement goes out before Kafka has the
message, and a killed process loses what was in its memory.
"""

import asyncio
import os
import sys
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
from aiokafka import AIOKafkaProducer
from paho.mqtt.enums import CallbackAPIVersion

from schemas import topics


async def main() -> None:
    """Relay until killed."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[mqtt.MQTTMessage]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "plain", protocol=mqtt.MQTTv5)
    password = Path(os.environ["CITYHUM_MQTT_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
    client.username_pw_set(os.environ["CITYHUM_MQTT_USER"], password)

    def on_connect(*_: object) -> None:
        client.subscribe("cityhum/v1/+/+/features", 1)

    def on_message(_: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, message)

    client.on_connect = on_connect
    client.on_message = on_message
    client.connect(os.environ["CITYHUM_MQTT_HOST"], int(os.environ["CITYHUM_MQTT_PORT"]))
    client.loop_start()
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["CITYHUM_KAFKA_BOOTSTRAP"], acks="all", linger_ms=5
    )
    async with producer:
        while True:
            message = await queue.get()
            batch = orjson.loads(message.payload)
            device = batch["device"]
            place = topics.partition(device)
            await producer.send(topics.FEATURES, message.payload, partition=place)
            ack = {
                "version": 1,
                "device": device,
                "accepted": [
                    {
                        "session": batch["session"],
                        "first_seq": batch["first_seq"],
                        "count": len(batch["levels"]),
                    }
                ],
            }
            client.publish(message.topic.replace("/features", "/ack"), orjson.dumps(ack), 1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

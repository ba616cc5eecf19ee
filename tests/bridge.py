"""The bridge's place at a Mosquitto of the test's own: takes batches, answers with acks."""

import asyncio
import threading
from functools import partial
from queue import Queue
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agents.adapters.link import Link, Login
from agents.adapters.publish_ports import Connect
from deploy.local.mosquitto import Mosquitto
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.messages import Ack, FeatureBatch, Indices, Rejected, ResultBatch, Status

DEVICE = "pole-01"
TIMEOUT_S = 60
STREAMS: tuple[topics.DeviceStream, ...] = ("features", "results", "indices", "status")


def login(broker: Mosquitto, user: str = DEVICE) -> Login:
    password = broker.password_file(user).read_text(encoding="utf-8").strip()
    return Login(broker.host, broker.port, user, password)


class Bridge:
    """Takes what devices publish; answers nothing unless told."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._got: dict[str, Queue[bytes]] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set("bridge", login(broker, "bridge").password)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.reconnect_delay_set(0, 1)
        self.connect: Connect = partial(Link, login(broker))

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(TIMEOUT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def deliver(self, topic: str, payload: bytes) -> None:
        """Publish to whoever has subscribed."""
        self._client.publish(topic, payload, qos=1)

    def cut(self) -> None:
        """Take the device's place: the broker then ends the older connection."""
        usurper = mqtt.Client(CallbackAPIVersion.VERSION2, DEVICE, protocol=mqtt.MQTTv5)
        usurper.username_pw_set(DEVICE, login(self._broker).password)
        connected = threading.Event()
        usurper.on_connect = lambda *_: connected.set()
        usurper.connect(self._broker.host, self._broker.port)
        usurper.loop_start()
        assert connected.wait(TIMEOUT_S)
        usurper.disconnect()
        usurper.loop_stop()

    async def receive(self, topic: str) -> bytes:
        """Return the next payload that was published on a topic."""
        return await asyncio.to_thread(self._queue(topic).get, timeout=TIMEOUT_S)

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe([(topics.subscription(stream), 1) for stream in STREAMS])

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        self._queue(message.topic).put(bytes(message.payload))

    def _queue(self, topic: str) -> Queue[bytes]:
        return self._got.setdefault(topic, Queue())


class AckingBridge(Bridge):
    """Acknowledges every message, or rejects a batch if its first seq is listed in `bad`."""

    def __init__(self, broker: Mosquitto, bad: frozenset[int] = frozenset()) -> None:
        super().__init__(broker)
        self._bad = bad
        self.batches: list[FeatureBatch] = []
        self.results: list[ResultBatch] = []
        self.indices: list[Indices] = []
        self.seqs: set[tuple[str, str, int]] = set()
        self.dropped: set[SeqRange] = set()

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        super()._on_message(client, userdata, message)
        published = topics.parse(message.topic)
        payload = bytes(message.payload)
        match published.stream:
            case "features":
                self.batches.append(codec.decode(FeatureBatch, payload))
                ack = self._answer(self.batches[-1], payload)
            case "results":
                self.results.append(codec.decode(ResultBatch, payload))
                ack = self._answer(self.results[-1], payload)
            case "indices":
                self.indices.append(codec.decode(Indices, payload))
                ack = self._answer_indices(self.indices[-1])
            case _:
                lost = codec.decode(Status, payload).dropped
                self.dropped |= set(lost)
                ack = Ack(device=published.device, accepted_dropped=lost)
        self.deliver(topics.ack_topic(published.site, published.device), codec.encode(ack))

    def _answer_indices(self, minute: Indices) -> Ack:
        seqs = SeqRange(session=minute.session, first_seq=minute.first_seq, count=1)
        return Ack(device=minute.device, accepted_indices=(seqs,))

    def _answer(self, batch: FeatureBatch | ResultBatch, payload: bytes) -> Ack:
        if batch.first_seq in self._bad:
            rejected = Rejected(digest=codec.digest(payload), reason="conflict", detail="so we say")
            return Ack(device=batch.device, rejected=(rejected,))
        end = batch.first_seq + batch.count
        self.seqs |= {(batch.device, batch.session, seq) for seq in range(batch.first_seq, end)}
        return Ack(device=batch.device, accepted=(batch.seqs,))

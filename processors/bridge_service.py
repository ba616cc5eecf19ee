"""The bridge at work: MQTT in, Kafka out, and only then acknowledged, to MQTT and to the device.

Two tasks share a short queue of flights. The pump judges what has arrived and hands it to Kafka
in order; the settler waits for Kafka's acks, flight by flight, and then acknowledges. While few
flights are allowed, what arrives meanwhile waits together, so envelopes grow with the load. If
Kafka refuses a record, nothing more is acknowledged and the process ends: MQTT delivers again.
"""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from processors import bridge, claims, packing, registry
from processors.adapters import figures, probes
from processors.adapters.clock import clock
from processors.adapters.kafka import opened_log
from processors.adapters.mqtt import Delivery, MqttLink
from processors.adapters.paced_inbox import Inbox, PacedInbox
from processors.folds import GARBAGE
from processors.pace import Limit
from processors.privacy import Guard
from processors.registry import Registry
from processors.settings import ProcessorSettings
from processors.verdicts import Forward, Record, Refuse, Verdict, device_of
from schemas import metrics, topics
from schemas.adapters import text_file
from schemas.adapters.host_clock import has_met_a_time_server
from schemas.adapters.vitals import observed
from schemas.codec import encode

TICK_S: Final = 5.0
COMING_BACK_S: Final = 75.0
"""After the broker was away a device may try again only a minute later, and then has to connect."""
FLIGHTS: Final = 4
SETTLED_WITHIN_S: Final = 4.0
"""At the end; what Kafka does not take by then stays unacknowledged, and comes again."""
WRITES: Final = (
    topics.FEATURES,
    topics.RESULTS,
    topics.INDICES,
    topics.STATUS,
    topics.DEAD_LETTERS,
)
STREAMS: Final[tuple[topics.DeviceStream, ...]] = ("features", "results", "indices", "status")

log = logging.getLogger(__name__)


class Log(Protocol):
    """Where records go."""

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand over a record; what comes back is done when it is safe."""


@dataclass(frozen=True, slots=True)
class Flight:
    """Messages whose records are on their way."""

    deliveries: Sequence[Delivery]
    verdicts: Sequence[Verdict]
    safe: Sequence[Awaitable[object]]


class Bridge:
    """Both tasks and what they share.

    Parameters
    ----------
    inbox, outbox : Inbox, Log
        MQTT and Kafka.
    devices : Registry
        Whose messages are taken.
    clock : callable
        Received time, which ticks tell; it may be set.
    monotonic_s : callable
        Seconds on a clock that is never set: says when the next tick is due.
    rate : float
        Of `clock`: ticks come every 5 s of this host, however fast a recorded past is played.
    """

    def __init__(
        self,
        inbox: Inbox,
        outbox: Log,
        devices: Registry,
        clock: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        *,
        rate: float = 1.0,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._devices = devices
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._rate = rate
        self._coming_back_s = COMING_BACK_S / rate
        self._guards: dict[str, Guard] = {}
        self._flights: asyncio.Queue[Flight | None] = asyncio.Queue(FLIGHTS)
        self._tick_is_safe = True
        figures.begin_refusals()

    async def run(self) -> None:
        """Relay until cancelled; what Kafka has been given is settled first, if it answers.

        Raises
        ------
        ExceptionGroup
            Whatever went wrong with a broker; nothing that is not safe has been acknowledged.
        """
        async with asyncio.TaskGroup() as tasks:
            settler = tasks.create_task(self._settle())
            try:
                await self._pump()
            finally:
                if not settler.done():
                    await self._finish(settler)

    async def _finish(self, settler: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(SETTLED_WITHIN_S):
                await self._flights.put(None)
                await settler
        except TimeoutError:
            log.warning("unsettled", extra={"why": "Kafka does not answer"})
            settler.cancel()

    async def _pump(self) -> None:
        tick_at_s = self._monotonic_s() + TICK_S
        while True:
            deliveries = await self._inbox.take(max(0.0, tick_at_s - self._monotonic_s()))
            if deliveries:
                await self._flights.put(await self._launch(deliveries))
            if self._monotonic_s() < tick_at_s:
                continue
            if self._inbox.heard_for_s >= self._coming_back_s and self._tick_is_safe:
                # else not all could be heard: that time passed is no sign that a device is silent
                self._tick_is_safe = False
                marks = [await self._outbox.append(mark) for mark in packing.tick(self._clock())]
                await self._flights.put(Flight((), (), marks))
            tick_at_s = self._monotonic_s() + TICK_S

    async def _launch(self, deliveries: Sequence[Delivery]) -> Flight:
        verdicts = [self._judge(delivery) for delivery in deliveries]
        safe = [await self._outbox.append(record) for record in packing.records(verdicts)]
        return Flight(deliveries, verdicts, safe)

    def _judge(self, delivery: Delivery) -> Verdict:
        arrived = delivery.arrived
        published = device_of(arrived.topic)
        device = published.device if published else ""
        before = self._guards.get(device, _UNSEEN)
        guard, verdict = bridge.judge(before, arrived, self._devices)
        if guard is not before:
            self._guards[device] = guard
        return verdict

    async def _settle(self) -> None:
        while (flight := await self._flights.get()) is not None:
            for safe in flight.safe:
                await safe
            if not flight.deliveries:
                self._tick_is_safe = True
            for to, ack in packing.answers(flight.verdicts).items():
                self._inbox.publish(topics.ack_topic(to.site, to.device), encode(ack))
            for delivery in flight.deliveries:
                self._inbox.acknowledge(delivery.handle)
            _count(flight.verdicts)
            for delivery in flight.deliveries[:1]:  # the one that has waited longest
                waited = (self._clock() - delivery.arrived.received_at) / self._rate
                metrics.SETTLE_SECONDS.observe(waited.total_seconds())


_UNSEEN: Final = Guard()


def _count(verdicts: Sequence[Verdict]) -> None:
    """The law, as counters: forwarded + dead letters = received."""
    good = [verdict for verdict in verdicts if isinstance(verdict, Forward)]
    bad = [verdict for verdict in verdicts if isinstance(verdict, Refuse)]
    metrics.RECEIVED.inc(len(verdicts))
    for stream, count in Counter(verdict.stream for verdict in good).items():
        metrics.FORWARDED.labels(stream).inc(count)
    for reason, count in Counter(verdict.letter.reason for verdict in bad).items():
        metrics.DEAD_LETTERS.labels(reason).inc(count)
    for verdict in bad:
        log.warning("dead_letter", extra=_named(verdict))
    readings = sum(v.accepted.count for v in good if v.accepted and v.stream != "indices")
    metrics.ACKNOWLEDGED_READINGS.inc(readings)


def _named(refused: Refuse) -> Mapping[str, object]:
    """Where a message came from, whose it is, and what it says of itself."""
    letter, device = refused.letter, refused.answered.device if refused.answered else None
    named = {"reason": letter.reason, "source": letter.source, "digest": letter.digest}
    return {**named, "device": device, **claims.claimed(refused.record.value)}


def client_id(sites: Sequence[str]) -> str:
    """Name under which the MQTT broker keeps this bridge's messages.

    >>> client_id([]), client_id(["old-port", "harbour"])
    ('cityhum-bridge', 'cityhum-bridge-harbour.old-port')
    """
    return "-".join(("cityhum-bridge", *filter(None, [".".join(sorted(sites))])))


def filters(sites: Sequence[str]) -> list[str]:
    """What to subscribe to.

    >>> filters(["harbour"])[0]
    'cityhum/v1/harbour/+/features'
    """
    return [topics.subscription(s, site) for site in sites or ("+",) for s in STREAMS]


async def run(settings: ProcessorSettings) -> None:
    """Build from settings and relay until cancelled."""
    gc.set_threshold(GARBAGE // 10)  # what paho leaves of a message has cycles
    now = clock(settings)
    devices = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))
    link = MqttLink(
        settings,
        client_id=client_id(settings.bridge_sites),
        filters=filters(settings.bridge_sites),
        clock=now,
    )
    async with (
        observed(settings.metrics_host, settings.metrics_port, probes.BRIDGE) as vitals,
        opened_log(settings, WRITES, topics.PARTITIONS) as outbox,
        link as inbox,
    ):
        probes.watch_log(vitals, outbox)
        probes.watch_link(vitals, lambda: inbox.listening)
        log.info("bridge_started", extra={"devices": len(devices.site_of)})
        figures.watch_clock(has_met_a_time_server)
        paced = PacedInbox(inbox, Limit(settings.device_messages_per_s), time.monotonic)
        rate = settings.rehearsal_rate
        await Bridge(paced, outbox, devices, now, time.monotonic, rate=rate).run()

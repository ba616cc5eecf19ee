"""Keep the broker supplied from the spool until the bridge has acknowledged everything."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from random import Random
from typing import Final, Never

from agents import batches, delivery, uploads
from agents.adapters.clock import Clock
from agents.adapters.link import Message
from agents.adapters.publish_ports import Connect, Connection, Lane, Spool
from agents.batches import Origin
from agents.delivery import CATCH_UP, Delivery, Run
from agents.uploads import LIVE, UPLOAD_PATIENCE_S, Uploads
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.errors import BadMessage, Unavailable
from schemas.messages import MAX_BATCH_BYTES, MAX_READINGS, Ack, Rejected, Status

HEALTH_S: Final = 60.0
GOODBYE_S: Final = 3.0
FIRST_BACKOFF_S: Final = 1.0
MAX_BACKOFF_S: Final = 60.0
_SCAN: Final = 4 * MAX_READINGS
_REMEMBERED: Final = 512  # payloads that the bridge may still reject by their digest

log = logging.getLogger(__name__)


class Publisher:
    """One device's publisher: connects again for ever, sends again what nobody acknowledged.

    `status()` describes the device at the moment. The last will names its session, so a new session
    takes a new connection: call `renew`.
    """

    def __init__(
        self,
        origin: Origin,
        spool: Spool,
        connect: Connect,
        *,
        status: Callable[[], Status],
        clock: Clock,
        chance: Random,
    ) -> None:
        self._origin = origin
        self._spool = spool
        self._connect = connect
        self._status = status
        self._clock = clock
        self._chance = chance
        self._awake = asyncio.Event()
        self._delivery = Delivery()
        self._digests: OrderedDict[str, SeqRange] = OrderedDict()
        self._acknowledged = asyncio.Event()
        self._renewed = False
        self._beside: list[Lane] = []
        self._plan = LIVE
        self._live_due_s = 0.0
        self._hurry = asyncio.Event()
        self._spool_fails = False
        self.arrived = 0
        """Readings that the bridge has acknowledged."""

    def carry(self, lane: Lane) -> None:
        """Send, beside the readings, what a lane holds."""
        self._beside.append(lane)

    def follow(self, plan: Uploads) -> None:
        """Send when a plan says; without one, as readings come."""
        self._plan = plan

    def wake(self) -> None:
        """There is something new in the spool."""
        self._awake.set()

    def hurry(self) -> None:
        """From now on nothing waits for others or for its time: somebody waits for the end."""
        self._hurry.set()
        self._awake.set()

    def renew(self) -> None:
        """There is a new session."""
        self._renewed = True
        self._awake.set()

    async def drained(self) -> None:
        """Return once the bridge has acknowledged everything in the spool."""
        while self._spool.depth() or any(lane.depth() for lane in self._beside):
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def run(self) -> Never:
        """Publish until cancelled; then say that the device is offline."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                async with self._link() as link:
                    backoff_s = FIRST_BACKOFF_S
                    log.info("connected", extra={"device": self._origin.device})
                    await self._serve(link)
                await self._stay_away()
            except Unavailable as error:
                wait_s = backoff_s * (0.5 + self._chance.random() / 2)
                log.warning(
                    "broker_unavailable",
                    extra={
                        "device": self._origin.device,
                        "detail": str(error),
                        "retry_in_s": round(wait_s, 1),
                        "spooled": self._spool.depth(),
                    },
                )
                await self._clock.sleep(wait_s)
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def _stay_away(self) -> None:
        """Until the next upload, unless somebody waits for it; not at all if there is no plan."""
        if self._plan.every_s is not None and not self._renewed:
            pause_s = uploads.pause_s(self._plan.every_s, self._chance.random())
            await self._clock.wait(self._hurry, pause_s)

    def _link(self) -> AbstractAsyncContextManager[Connection]:
        self._renewed = False
        offline = self._status().model_copy(update={"online": False, "at": None})
        return self._connect(
            will=self._status_message(offline),
            topics=[topics.ack_topic(self._origin.site, self._origin.device)],
            received=self._receive,
            changed=self._awake.set,
        )

    async def _serve(self, link: Connection) -> None:
        """Send until the connection is lost or the session ends."""
        self._delivery = Delivery()
        if self._plan.together > 1:  # what was stored waits for no company
            self._delivery = delivery.overtaken(self._delivery, self._spool.newest())
        for lane in self._beside:
            lane.renew()
        try:
            await self._serve_session(link)
            if self._plan.every_s is not None:
                await self._say_goodbye(link)
        except asyncio.CancelledError:
            await self._say_goodbye(link)
            raise

    async def _serve_session(self, link: Connection) -> None:
        health_due_s = now_s = self._clock.monotonic_s()
        begun_s, mark = now_s, self._spool.newest()
        while not self._renewed:
            now_s = self._clock.monotonic_s()
            if now_s >= health_due_s:
                link.publish(self._status_message(self._status()))
                health_due_s = now_s + HEALTH_S
            self._send_what_is_due(link, now_s)
            for message in [each for lane in self._beside for each in lane.due(now_s)]:
                link.publish(message)
            if self._is_over(begun_s, mark):
                return
            due_s = [self._delivery.next_due_s, self._next_live_s(now_s)]
            due_s += [lane.next_due_s for lane in self._beside]
            next_s = min(each or health_due_s for each in (health_due_s, *due_s))
            await self._clock.wait(self._awake, next_s - now_s)
            self._awake.clear()
            link.check()

    async def _say_goodbye(self, link: Connection) -> None:
        try:
            offline = self._status().model_copy(update={"online": False})
            link.publish(self._status_message(offline))
            async with asyncio.timeout(GOODBYE_S):
                await link.confirmed()
        except (Unavailable, TimeoutError):
            return  # the last will says it instead

    def _send_what_is_due(self, link: Connection, now_s: float) -> None:
        self._delivery = delivery.lapsed(self._delivery, now_s)
        chance = self._chance.random()
        if self._delivery.wants_live:
            new = self._spool.waiting(self._delivery.live_after, CATCH_UP + 1)
            if len(new) > CATCH_UP:
                self._delivery, new = delivery.overtaken(self._delivery, self._spool.newest()), ()
            if new and self._may_go(len(new), now_s):
                self._live_due_s = uploads.due_s(self._plan, now_s)
                self._delivery, runs = delivery.sent_live(self._delivery, new, now_s, chance)
                self._send(link, runs)
        if self._delivery.wants_backlog:
            waiting = self._spool.waiting(0, _SCAN)
            self._delivery, runs = delivery.sent_backlog(self._delivery, waiting, now_s, chance)
            self._send(link, runs)

    def _next_live_s(self, now_s: float) -> float | None:
        """When new readings that wait for others stop waiting; None: they need no reminder."""
        return self._live_due_s if self._plan.together > 1 and self._live_due_s > now_s else None

    def _may_go(self, new: int, now_s: float) -> bool:
        return new >= self._plan.together or now_s >= self._live_due_s or self._hurry.is_set()

    def _is_over(self, begun_s: float, mark: int) -> bool:
        """Whether a scheduled connection has done its work, or taken too long for it."""
        if self._plan.every_s is None or self._hurry.is_set():
            return False
        if self._clock.monotonic_s() >= begun_s + UPLOAD_PATIENCE_S:
            return True
        oldest = self._spool.waiting(0, 1)
        all_safe = not oldest or oldest[0].position > mark
        return all_safe and all(lane.next_due_s is None for lane in self._beside)

    def _send(self, link: Connection, runs: Iterable[Run]) -> None:
        for run in runs:
            stream = batches.stream(self._origin, run)
            topic = topics.device_topic(self._origin.site, self._origin.device, stream)
            before = self._spool.before(run[0])
            for readings, payload in batches.messages(self._origin, run, before):
                self._send_payload(link, Message(topic, payload), readings)

    def _send_payload(self, link: Connection, message: Message, readings: Run) -> None:
        first = readings[0]
        seqs = SeqRange(session=first.session, first_seq=first.seq, count=len(readings))
        digest = codec.digest(message.payload)
        if len(message.payload) > MAX_BATCH_BYTES:  # the broker would cut the connection
            size = f"{len(message.payload)} bytes"
            self._reject(seqs, Rejected(digest=digest, reason="oversized", detail=size))
            return
        self._spool.sent(seqs)
        self._digests[digest] = seqs
        if len(self._digests) > _REMEMBERED:
            self._digests.popitem(last=False)
        link.publish(message)

    def _receive(self, _topic: str, payload: bytes) -> None:
        try:
            ack = codec.decode(Ack, payload)
        except BadMessage as error:
            log.warning("ack_malformed", extra={"detail": error.detail})
            return
        if ack.device != self._origin.device:
            log.warning("ack_of_another_device", extra={"device": ack.device})
            return
        self.arrived += self._spool.acknowledge(ack.accepted)
        for lane in self._beside:
            lane.answered(ack)
        if ack.accepted_dropped:
            with self._noting():
                self._spool.acknowledge_dropped(ack.accepted_dropped)
        self._delivery = delivery.acknowledged(self._delivery, ack.accepted)
        self._acknowledged.set()
        for rejected in ack.rejected:
            self._reject(self._digests.pop(rejected.digest, None), rejected)
        self._awake.set()  # the backlog may go on

    def _reject(self, seqs: SeqRange | None, rejected: Rejected) -> None:
        if seqs is not None:  # an acknowledgement that comes twice is harmless
            with self._noting():
                self._spool.quarantine(seqs, rejected)
            self._delivery = delivery.acknowledged(self._delivery, [seqs])
            self._acknowledged.set()
        log.error(
            "message_rejected",
            extra={
                "device": self._origin.device,
                "reason": rejected.reason,
                "detail": rejected.detail,
                **(seqs.model_dump() if seqs else {}),
            },
        )

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note something in the spool; a disk that refuses it must not cut a healthy link."""
        try:
            yield
        except Unavailable as error:
            if not self._spool_fails:  # say it once: acknowledgements come every second
                log.error("spool_failing", extra={"detail": str(error)})  # noqa: TRY400
            self._spool_fails = True
        else:
            self._spool_fails = False

    def _status_message(self, status: Status) -> Message:
        topic = topics.device_topic(self._origin.site, self._origin.device, "status")
        return Message(topic, codec.encode(status), retain=True)

"""One device of a fleet: what it has heard, what of it is on its way, and what nobody answered."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from agents import delivery, light_spool
from agents.adapters.fleet_link import FleetLink
from agents.adapters.link import Login, Message
from agents.delivery import CATCH_UP, Delivery, Run, Stored
from agents.light import Repeating
from agents.light_spool import Ranges
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.errors import BadMessage
from schemas.messages import MAX_READINGS, Ack, Rejected, Status

_LANES: Final = 4
"""Batches: more than can be on their way."""
_Lane = Callable[[Delivery, Sequence[Stored], float, float], tuple[Delivery, tuple[Run, ...]]]

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Member:
    """One device of a fleet."""

    device: Repeating
    login: Login
    offset_s: float
    """How long after the fleet's start its first second begins."""
    said: int = 0
    rejected: int = 0
    answered_s: float = 0.0
    """When something was acknowledged last, by the monotonic clock."""
    _waiting: Ranges = ()
    _delivery: Delivery = field(default_factory=Delivery)
    _link: FleetLink | None = None
    _chance: Random = field(default_factory=Random)

    @property
    def unacknowledged(self) -> int:
        """Readings that nobody has answered."""
        return light_spool.count(self._waiting)

    def hear(self, until: int) -> None:
        """All seconds up to a seq (exclusive) have sounded."""
        self._waiting = light_spool.extended(self._waiting, until, self.said)
        self.said = max(self.said, until)

    def serve(self, link: FleetLink | None) -> None:
        """Use a new connection, on which nothing was sent; None: there is none."""
        self._link, self._delivery = link, Delivery()

    def send(self, now_s: float) -> None:
        """Send what is due, by the rules of a real agent's publisher."""
        if self._link is None or not self._waiting:
            return
        self._delivery = delivery.lapsed(self._delivery, now_s)
        if self._delivery.wants_live:
            since = self._delivery.live_after
            if light_spool.count(self._waiting, since) > CATCH_UP:
                self._delivery = delivery.overtaken(self._delivery, self.said)
            else:
                new = self._stored(since, MAX_READINGS + 1)
                self._publish(delivery.sent_live, new, now_s)
        if self._delivery.wants_backlog and self._has_backlog():
            self._publish(delivery.sent_backlog, self._stored(0, _LANES * MAX_READINGS), now_s)

    def say(self, at: datetime, *, online: bool) -> None:
        """Birth, health, or goodbye."""
        if self._link is not None:
            self._link.publish(self.status(at, online=online))

    def ping(self) -> None:
        """Show the broker that we are here, though there may be nothing to send."""
        if self._link is not None:
            self._link.ping()

    def receive(self, payload: bytes, now_s: float) -> None:
        """Let go of what was acknowledged, and of what never will be; send what waits."""
        try:
            ack = codec.decode(Ack, payload)
        except BadMessage as error:
            log.warning("ack_malformed", extra={"detail": error.detail})
            return
        self.answered_s = now_s
        self._let_go(*ack.accepted)
        for rejected in ack.rejected:
            self._give_up(rejected)
        self.send(now_s)

    def status(self, at: datetime | None, *, online: bool) -> Message:
        """What it says of itself; a last will is written before its time is known."""
        origin = self.device.origin
        status = Status(
            site=origin.site,
            device=origin.device,
            session=self.device.session,
            online=online,
            at=at,
            profile=origin.profile,
            spooled_readings=self.unacknowledged,
        )
        return Message(self._topic("status"), codec.encode(status), retain=True)

    def ack_topic(self) -> str:
        """Where its acknowledgements come."""
        return topics.ack_topic(self.device.origin.site, self.device.origin.device)

    def _has_backlog(self) -> bool:
        on_the_way = sum(len(s.seqs) for s in (*self._delivery.live, *self._delivery.backlog))
        since = self._delivery.live_after
        return self.unacknowledged - light_spool.count(self._waiting, since) > on_the_way

    def _stored(self, after: int, limit: int) -> Sequence[Stored]:
        """What a spool would give: the reading `seq` is stored at position `seq + 1`."""
        seqs = light_spool.oldest(self._waiting, after, limit)
        return [Stored(seq + 1, self.device.reading(seq)) for seq in seqs]

    def _publish(self, lane: _Lane, stored: Sequence[Stored], now_s: float) -> None:
        self._delivery, runs = lane(self._delivery, stored, now_s, self._chance.random())
        for run in runs:
            self._send_run(run)

    def _send_run(self, run: Run) -> None:
        if self._link is not None:
            payload = self.device.payload(run[0].seq, len(run))
            self._link.publish(Message(self._topic("features"), payload))

    def _let_go(self, *ranges: SeqRange) -> None:
        self._delivery = delivery.acknowledged(self._delivery, ranges)
        for done in ranges:
            if done.session == self.device.session:
                self._waiting = light_spool.without(self._waiting, done.first_seq, done.count)

    def _give_up(self, rejected: Rejected) -> None:
        """Find by its digest what was refused, among what is on its way."""
        for sent in (*self._delivery.live, *self._delivery.backlog):
            first, count = min(sent.seqs), len(sent.seqs)
            if codec.digest(self.device.payload(first, count)) == rejected.digest:
                self.rejected += count
                self._let_go(SeqRange(session=sent.session, first_seq=first, count=count))

    def _topic(self, stream: topics.DeviceStream) -> str:
        return topics.device_topic(self.device.origin.site, self.device.origin.device, stream)

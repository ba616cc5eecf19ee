"""What to send next, and when to send it again: the lanes of one device.

The live lane sends each new reading at once, one batch unacknowledged at a time: so readings arrive
in order, and after a short outage rules hear them as if nothing had been. When the lane falls
behind by more than ten minutes, what waits becomes the backlog, sent beside it, oldest first, at
most two batches unacknowledged, so that a long outage neither delays the present nor storms the
broker. Only the bridge's acknowledgement ends a delivery. Time is a monotonic clock in seconds,
given by the caller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agents import batches
from agents.reading import Reading
from schemas.base import SeqRange

Run = tuple[Reading, ...]

MAX_BACKLOG_BATCHES: Final = 2
CATCH_UP: Final = 600
"""So many readings the live lane may be behind before it leaves them to the backlog."""
PATIENCE_S: Final = 10.0
MAX_PATIENCE_S: Final = 300.0
_JITTER: Final = 0.25


@dataclass(frozen=True, slots=True)
class Stored:
    """A reading in the spool; positions count up in the order of storing."""

    position: int
    reading: Reading


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch on its way: the readings of it that nobody has acknowledged yet."""

    session: str
    seqs: frozenset[int]
    due_s: float
    patience_s: float

    def without(self, ranges: Iterable[SeqRange]) -> "Sent":
        """What is left of it after an acknowledgement."""
        left = self.seqs
        for done in ranges:
            if done.session == self.session:
                end = done.first_seq + done.count
                left = frozenset(seq for seq in left if not done.first_seq <= seq < end)
        return replace(self, seqs=left)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Deliveries of one connection; a new connection begins with nothing on its way."""

    live_after: int = 0
    """Readings stored after this position have not been sent live yet."""
    live_before: int = 0
    """What `live_after` was before the batch on its way: where to go on if nobody answers it."""
    live: tuple[Sent, ...] = ()
    backlog: tuple[Sent, ...] = ()
    patience_s: float = PATIENCE_S

    @property
    def next_due_s(self) -> float | None:
        """When the next delivery lapses."""
        return min((sent.due_s for sent in (*self.live, *self.backlog)), default=None)

    @property
    def wants_live(self) -> bool:
        """Whether the live lane takes more."""
        return not self.live

    @property
    def wants_backlog(self) -> bool:
        """Whether the backlog lane takes more."""
        return len(self.backlog) < MAX_BACKLOG_BATCHES


def acknowledged(delivery: Delivery, ranges: Sequence[SeqRange]) -> Delivery:
    """Somebody listens: forget what is safe, and be patient no longer than at first."""
    return replace(
        delivery,
        live=_left(delivery.live, ranges),
        backlog=_left(delivery.backlog, ranges),
        patience_s=PATIENCE_S,
    )


def lapsed(delivery: Delivery, now_s: float) -> Delivery:
    """Give up waiting for what is due; its readings are then sent again, less often each time."""
    late = [sent for sent in (*delivery.live, *delivery.backlog) if sent.due_s <= now_s]
    if not late:
        return delivery
    live = tuple(sent for sent in delivery.live if sent.due_s > now_s)
    return replace(
        delivery,
        live=live,
        live_after=delivery.live_after if live or not delivery.live else delivery.live_before,
        backlog=tuple(sent for sent in delivery.backlog if sent.due_s > now_s),
        patience_s=max(delivery.patience_s, *(longer(sent.patience_s) for sent in late)),
    )


def longer(patience_s: float) -> float:
    """How long to wait next time, s.

    >>> longer(10.0), longer(200.0)
    (20.0, 300.0)
    """
    return min(2 * patience_s, MAX_PATIENCE_S)


def due_s(now_s: float, patience_s: float, jitter: float) -> float:
    """When what is sent now is sent again, s; `jitter` from 0 to 1: devices must not do it in step.

    >>> due_s(100.0, 10.0, 0.0), due_s(100.0, 10.0, 1.0)
    (110.0, 112.5)
    """
    return now_s + patience_s * (1 + _JITTER * jitter)


def overtaken(delivery: Delivery, newest: int) -> Delivery:
    """The live lane is too far behind: what was stored so far is the backlog's."""
    return replace(delivery, live_after=newest, live_before=newest)


def sent_live(
    delivery: Delivery, new: Sequence[Stored], now_s: float, jitter: float
) -> tuple[Delivery, tuple[Run, ...]]:
    """Send the oldest new readings, as many as a batch holds.

    Parameters
    ----------
    delivery : Delivery
        As it stands, with nothing on its way live.
    new : sequence of Stored
        Readings stored after `delivery.live_after`, oldest first.
    now_s : float
        Monotonic time, s.
    jitter : float
        From 0 to 1, drawn anew each time: devices must not send again in step.
    """
    if not new:
        return delivery, ()
    run = next(iter(batches.runs([stored.reading for stored in new])))
    after = replace(
        delivery,
        live_before=delivery.live_after,
        live_after=new[len(run) - 1].position,
        live=(_sent(run, now_s, delivery.patience_s, jitter),),
    )
    return after, (run,)


def sent_backlog(
    delivery: Delivery, waiting: Sequence[Stored], now_s: float, jitter: float
) -> tuple[Delivery, tuple[Run, ...]]:
    """Fill the backlog lane with the oldest readings that are not on their way.

    Parameters
    ----------
    delivery : Delivery
        As it stands.
    waiting : sequence of Stored
        The oldest unacknowledged readings of the spool, oldest first.
    now_s, jitter : float
        As in `sent_live`.
    """
    busy = {
        (sent.session, seq) for sent in (*delivery.live, *delivery.backlog) for seq in sent.seqs
    }
    # what was stored after the live lane's mark is the live lane's to send
    free = [
        stored.reading
        for stored in waiting
        if stored.position <= delivery.live_after
        and (stored.reading.session, stored.reading.seq) not in busy
    ]
    room = MAX_BACKLOG_BATCHES - len(delivery.backlog)
    chosen = tuple(batches.runs(free))[:room]
    on_the_way = tuple(_sent(run, now_s, delivery.patience_s, jitter) for run in chosen)
    return replace(delivery, backlog=(*delivery.backlog, *on_the_way)), chosen


def _sent(run: Run, now_s: float, patience_s: float, jitter: float) -> Sent:
    return Sent(
        session=run[0].session,
        seqs=frozenset(reading.seq for reading in run),
        due_s=due_s(now_s, patience_s, jitter),
        patience_s=patience_s,
    )


def _left(lane: tuple[Sent, ...], ranges: Sequence[SeqRange]) -> tuple[Sent, ...]:
    left = (sent.without(ranges) for sent in lane)
    return tuple(sent for sent in left if sent.seqs)

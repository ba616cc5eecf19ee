"""The sample clock of a process's sessions, beside the system's clocks and the spool."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Never, Protocol

from agents import sample_clock
from agents.adapters.clock import Clock
from agents.pipeline import Block
from agents.sample_clock import Moment, SampleClock
from schemas import messages
from schemas.errors import Unavailable

LOOK_S: Final = 1.0

log = logging.getLogger(__name__)


class Holding(Protocol):
    """A spool that can keep readings back until their time is known."""

    def hold(self) -> None:
        """Give out no unsynced reading that is stored from now on."""

    def restamp(self, by: timedelta) -> None:
        """Shift the readings that are held, and give them out as synced.

        Those that came with their time meanwhile are given out behind them, as they are.

        Raises
        ------
        Unavailable
            The disk is full or failing, and nothing has changed.
        """

    def release(self) -> None:
        """Give out the readings that are held as they are."""


class Timekeeper:
    """Says when sessions begin and how their time moves; holds readings while time is unknown."""

    def __init__(self, clock: Clock, spool: Holding) -> None:
        self._clock = clock
        self._spool = spool
        self._timed: SampleClock | None = None
        self._interrupted = True
        self._ran_ahead = False
        self._known = False
        self._holds = False
        self._owed: timedelta | None = None
        """What is still to be added to the readings that are held: the disk refused it."""

    @property
    def clock(self) -> messages.Clock:
        """Whether the time of the session under way is true; without one, whether time is known."""
        if self._timed is not None and not self._interrupted:
            return self._timed.clock
        return "synced" if self._is_known() else "unsynced"

    def vouch(self) -> None:
        """Take the time for true from now on, because a person is there who sees it."""
        if not self._is_known():
            log.warning("clock_unsynced", extra={"taken_for": "synced"})
        self._known = True

    def interrupt(self) -> None:
        """No samples come until the next session begins: the microphone is gone."""
        self._interrupted, self._ran_ahead = True, False

    def look(self) -> bool:
        """Give out what is held if no samples come to tell that it need not wait any longer.

        Or if time is known and the disk, full before, has room again.

        Returns
        -------
        bool
            Whether that was so.
        """
        if self._owed is not None:
            self._restamp(self._owed)
            return not self._holds
        if self._timed is None or not self._interrupted or not self._holds:
            return False
        now = self._moment()
        if now.synced:
            self._became_known(timedelta(seconds=now.offset_s - self._timed.offset_s))
        elif self._timed.is_out_of_patience(now):
            self._release()
        return not self._holds

    async def watch(self, given_out: Callable[[], None]) -> Never:
        """Look once a second; call `given_out` whenever there is more to be sent."""
        while True:
            await self._clock.sleep(LOOK_S)
            if self.look():
                given_out()

    def begins(self, block: Block, rate_hz: int) -> datetime | None:
        """Event time of a block that is here now if a session begins with it; else None.

        Raises
        ------
        Unavailable
            The sound card gives more samples than it should.
        """
        now, before = self._moment(), self._timed
        if before is not None and not self._interrupted:
            if not before.has_ended(now):
                return None
            if before.runs_ahead and self._ran_ahead:  # once may be a late first block
                raise Unavailable("microphone: more samples than its rate allows")
            self._ran_ahead = before.runs_ahead
            log.warning("session_ended", extra={"drift_s": round(before.slew.drift_s, 3)})
        if before is not None and now.synced and self._holds and self._owed is None:
            self._became_known(timedelta(seconds=now.offset_s - before.offset_s))
        self._timed = sample_clock.start(now, before)
        self._interrupted = False
        if self._timed.clock == "unsynced" and not self._timed.is_out_of_patience(now):
            self._hold()
        return self._timed.now(now) - timedelta(seconds=len(block.samples) / rate_hz)

    def measured(self, block: Block, rate_hz: int, heard_until: datetime) -> Block:
        """Return a block with what an overrun before it really cost: the card tells the least."""
        if self._timed is None or block.lost_samples <= 0:
            return block
        ends = heard_until + timedelta(seconds=len(block.samples) / rate_hz)
        lost_s = self._timed.lost_s(self._moment(), ends, block.lost_samples / rate_hz)
        return replace(block, lost_samples=round(lost_s * rate_hz))

    def shift(self, heard_until: datetime) -> timedelta:
        """What to add to the session's event time, now that it was heard until then."""
        if self._timed is None:
            return timedelta()
        now = self._moment()
        after, shift = sample_clock.step(self._timed, now, heard_until)
        if after.clock != self._timed.clock:
            self._became_known(shift)
        elif self._holds and after.is_out_of_patience(now):
            self._release()
        self._timed = after
        return shift

    def _became_known(self, shift: timedelta) -> None:
        log.info("clock_synced", extra={"shift_s": shift.total_seconds()})
        self._restamp(shift)

    def _restamp(self, shift: timedelta) -> None:
        """Shift what is held, now or, if the disk refuses that, later: hearing goes on."""
        try:
            self._spool.restamp(shift)
        except Unavailable as error:
            if self._owed is None:  # say it once: it is tried every second
                log.error("spool_failing", extra={"detail": str(error)})  # noqa: TRY400
            self._owed = shift
        else:
            self._holds, self._owed = False, None

    def _release(self) -> None:
        log.warning("clock_unsynced", extra={"waited_s": sample_clock.PATIENCE_S})
        self._spool.release()
        self._holds = False

    def _hold(self) -> None:
        if not self._holds:
            log.warning("clock_unsynced", extra={"waits_s": sample_clock.PATIENCE_S})
            self._spool.hold()
            self._holds = True

    def _moment(self) -> Moment:
        known = self._is_known()
        return Moment(self._clock.utc_now(), self._clock.monotonic_s(), known)

    def _is_known(self) -> bool:
        # kernels forget a sync after hours without a time server; we need to know it once
        self._known = self._known or self._clock.is_synced()
        return self._known

"""Event time of a microphone's samples: the sample clock, kept beside the system's clock.

The system's clock is worth something once a time server has been heard (synced). Before that, time
is counted on the monotonic clock from wherever the system's clock happened to stand; when the true
time becomes known, everything counted so far is shifted to it at once. After that the sample clock
is slewed, and a system clock that is set by more than a second ends the session.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from agents import slew
from agents.slew import Slew
from schemas.messages import Clock

STEP_S: Final = 1.0
PATIENCE_S: Final = 15 * 60.0
"""So long readings wait for the true time before they go out without it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the system's clocks say at one instant."""

    utc: datetime
    monotonic_s: float
    synced: bool
    """Whether `utc` is known to be true."""

    @property
    def offset_s(self) -> float:
        """Of `utc` to the monotonic clock; changes only when somebody sets the clock."""
        return self.utc.timestamp() - self.monotonic_s


@dataclass(frozen=True, slots=True)
class SampleClock:
    """The clock of one session; `start` makes one."""

    clock: Clock
    offset_s: float
    """Of event time to the monotonic clock, as the session began or when time became known."""
    began_s: float
    """Monotonic time since when the true time is waited for: at which its first samples were here,
    or those of the first session of a row in which time was not known."""
    decided_s: float
    """Monotonic time of the last correction."""
    slew: Slew = field(default_factory=Slew)
    least_lag_s: float = math.inf
    """Of the second under way."""

    def now(self, moment: Moment) -> datetime:
        """Event time at a moment."""
        if self.clock == "synced":
            return moment.utc
        return moment.utc + timedelta(seconds=self.offset_s - moment.offset_s)

    def has_ended(self, moment: Moment) -> bool:
        """Whether a new session must begin.

        Somebody has set the clock, sound was lost unseen, or time became known too late.
        """
        if self.slew.has_stepped or self.runs_ahead:
            return True
        if self.clock == "unsynced":
            return moment.synced and self.is_out_of_patience(moment)
        return abs(moment.offset_s - self.offset_s) > STEP_S

    @property
    def runs_ahead(self) -> bool:
        """Whether more sound has come than time has passed.

        Its first block was late, or the sample rate is not the one that was asked.
        """
        return min(self.slew.drift_s, self.least_lag_s) < -STEP_S

    def is_out_of_patience(self, moment: Moment) -> bool:
        """Whether the true time has been waited for long enough."""
        return self.clock == "unsynced" and moment.monotonic_s - self.began_s >= PATIENCE_S

    def lost_s(self, moment: Moment, heard_until: datetime, told_s: float) -> float:
        """How much sound an overrun cost: what the sound card tells is only the least.

        Parameters
        ----------
        moment : Moment
            When the first samples after it were here.
        heard_until : datetime
            Where they would end, had nothing been lost.
        told_s : float
            What the sound card tells, s.

        Returns
        -------
        float
            Duration, s, >= told_s.
        """
        lag_s = (self.now(moment) - heard_until).total_seconds()
        usual_s = min(self.slew.lags_s, default=0.0)
        return max(told_s, lag_s - max(usual_s, 0.0))


def start(moment: Moment, before: SampleClock | None = None) -> SampleClock:
    """Begin a session with samples that are here at this moment.

    Parameters
    ----------
    moment : Moment
        Now.
    before : SampleClock or None
        Of the session before. If time is known in neither, both are shifted as one, and the wait
        for it does not begin anew.

    Returns
    -------
    SampleClock
    """
    fresh = SampleClock(
        clock="synced" if moment.synced else "unsynced",
        offset_s=moment.offset_s,
        began_s=moment.monotonic_s,
        decided_s=moment.monotonic_s,
    )
    if moment.synced or before is None or before.clock == "synced":
        return fresh
    return replace(fresh, offset_s=before.offset_s, began_s=before.began_s)


def step(
    clock: SampleClock, moment: Moment, heard_until: datetime
) -> tuple[SampleClock, timedelta]:
    """Take note of a block that is here now.

    Parameters
    ----------
    clock : SampleClock
        Of the session, not ended.
    moment : Moment
        Now.
    heard_until : datetime
        Event time of the block's end.

    Returns
    -------
    clock : SampleClock
        For the next block. If it is synced and the one before was not, time has become known.
    shift : timedelta
        To be added to the event time: at most 0.5 ms, or all that was wrong before time was known.
    """
    if clock.clock == "unsynced" and moment.synced:
        known = replace(clock, clock="synced", offset_s=moment.offset_s)
        return known, timedelta(seconds=moment.offset_s - clock.offset_s)
    lag_s = min(clock.least_lag_s, (clock.now(moment) - heard_until).total_seconds())
    if moment.monotonic_s - clock.decided_s < 1:
        return replace(clock, least_lag_s=lag_s), timedelta()
    slewed, correction_s = slew.step(clock.slew, lag_s)
    after = replace(clock, slew=slewed, least_lag_s=math.inf, decided_s=moment.monotonic_s)
    return after, timedelta(seconds=correction_s)

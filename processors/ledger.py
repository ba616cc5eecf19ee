"""Which readings have been counted: per session, ranges of seq numbers.

One mechanism drops every kind of duplicate: MQTT redelivery, resends of an agent, restarts of the
bridge, a worker killed between producing and acknowledging. A mark alone would throw away refilled
gaps, so each session keeps its disjoint ranges; a session without gaps is one range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

HORIZON_S: Final = 31 * 86400
"""A session this much older than the newest is forgotten: the bridge takes nothing that old."""

MAX_SESSIONS: Final = 512
"""A device that restarts more often within the horizon loses its oldest sessions' ranges."""

MAX_RANGES: Final = 512
"""Of one session; beyond, its oldest gap counts as lost for good."""

RECENT: Final = 8
"""Sessions of a device that are compared."""

OVERLAP_S: Final = 10
"""Two sessions that overlap by more than this have two clocks."""

SLEWED: Final = 2000
"""A clock is slewed by at most one second in so many: 500 ppm."""

MAX_DIGESTS: Final = 1536
"""Characters of a session's digests: some 64 batches; a resend is minutes old at most."""


class Counted(NamedTuple):
    """What a session has sent: end of its newest reading, and disjoint ranges [first, end)."""

    newest_s: int
    ranges: tuple[tuple[int, int], ...]

    @property
    def began_s(self) -> int:
        """When the session began at the latest."""
        seconds = self.ranges[-1][1]
        return self.newest_s - seconds + OVERLAP_S + seconds // SLEWED


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counted readings of one device.

    Examples
    --------
    >>> ledger, new = Ledger().counted("A", 0, 3, at_s=10)
    >>> ledger, new = ledger.counted("A", 2, 2, at_s=11)
    >>> list(new)
    [3]
    """

    sessions: Mapping[str, Counted] = field(default_factory=lambda: MappingProxyType({}))
    duplicates: int = 0

    def counted(
        self, session: str, first_seq: int, count: int, *, at_s: int
    ) -> tuple["Ledger", Sequence[int]]:
        """Count a run of readings.

        Parameters
        ----------
        session : str
            Session of the run.
        first_seq, count : int
            The run.
        at_s : int
            Event time of its end, whole seconds since the epoch: decides what is forgotten.

        Returns
        -------
        tuple of Ledger and sequence of int
            The ledger with the run, and those seq numbers that are new, ascending.
        """
        end = first_seq + count
        before = self.sessions.get(session)
        new = _missing(before.ranges, first_seq, end) if before else range(first_seq, end)
        sessions = self._with(session, first_seq, end, at_s) if new else self.sessions
        return Ledger(sessions, self.duplicates + count - len(new)), new

    def declared(self, session: str, first_seq: int, count: int, *, at_s: int) -> "Ledger":
        """Count a run that somebody only speaks of: it may have any length, and is not listed."""
        end = first_seq + count
        if self.holds(session, first_seq, end - 1):
            return self
        return Ledger(self._with(session, first_seq, end, at_s), self.duplicates)

    def holds(self, session: str, first_seq: int, last_seq: int) -> bool:
        """Whether all of `first_seq` to `last_seq`, both included, have been counted."""
        counted = self.sessions.get(session)
        if counted is None:
            return False
        return any(a <= first_seq and last_seq < b for a, b in reversed(counted.ranges))

    @property
    def total(self) -> int:
        """How many readings have been counted, of the sessions that are remembered."""
        return sum(b - a for counted in self.sessions.values() for a, b in counted.ranges)

    @property
    def missing(self) -> int:
        """How many readings below the newest of each session have not come yet."""
        return sum(counted.ranges[-1][1] for counted in self.sessions.values()) - self.total

    def overlaps(self, session: str) -> bool:
        """Whether another session was heard at the time of this one: two agents with one id.

        Only the newest sessions are looked at. A session began `seq` seconds before its newest
        reading, but for what its clock was slewed by.
        """
        if len(self.sessions) == 1:
            return False
        own = self.sessions[session]
        return any(
            own.began_s < other.newest_s and other.began_s < own.newest_s
            for name, other in list(self.sessions.items())[-RECENT:]
            if name != session
        )

    def _with(self, session: str, first: int, end: int, at_s: int) -> Mapping[str, Counted]:
        before = self.sessions.get(session)
        if before is None:
            return {**_bounded(self.sessions, at_s), session: Counted(at_s, ((first, end),))}
        after = Counted(max(before.newest_s, at_s), _joined(before.ranges, first, end))
        return {**self.sessions, session: after}

    def dump(self) -> list[object]:
        """Form for JSON; `load` reads it back."""
        return [
            self.duplicates,
            {s: [c.newest_s, *(n for r in c.ranges for n in r)] for s, c in self.sessions.items()},
        ]


def load(stored: tuple[int, Mapping[str, Sequence[int]]]) -> Ledger:
    """Ledger of what `Ledger.dump` gave."""
    duplicates, sessions = stored
    return Ledger(
        {s: Counted(n[0], tuple(zip(n[1::2], n[2::2], strict=True))) for s, n in sessions.items()},
        duplicates,
    )


@dataclass(frozen=True, slots=True)
class Digests:
    """Content of the newest batches, to name a seq that came again with other content.

    Only a batch with the same bounds can be compared: its digest covers all of it. Text by session,
    ";seq+count:digest" for each batch, since every commit stores it.
    """

    recent: Mapping[str, str] = field(default_factory=dict)

    def seen(self, session: str, first_seq: int, count: int, digest: str) -> tuple["Digests", bool]:
        """Remember a batch; the flag says that its bounds came before with other content."""
        short, bounds = digest[:12], f";{first_seq}+{count}:"
        text = self.recent.get(session, "")
        at = text.find(bounds)
        if at >= 0:
            return self, not text.startswith(short, at + len(bounds))
        text += bounds + short
        if len(text) > MAX_DIGESTS:
            text = text[text.index(";", len(text) - MAX_DIGESTS) :]
        others = [(name, kept) for name, kept in self.recent.items() if name != session]
        return Digests({**dict(others[1 - RECENT :]), session: text}), False


def _missing(ranges: tuple[tuple[int, int], ...], first: int, end: int) -> Sequence[int]:
    overlapping = [(a, b) for a, b in ranges if a < end and first < b]
    if not overlapping:
        return range(first, end)
    missing: list[int] = []
    at = first
    for a, b in overlapping:
        missing.extend(range(at, a))
        at = max(at, b)
    missing.extend(range(at, end))
    return missing


def _joined(
    ranges: tuple[tuple[int, int], ...], first: int, end: int
) -> tuple[tuple[int, int], ...]:
    last_a, last_b = ranges[-1]
    if last_a <= first <= last_b <= end:  # the live case: the newest range grows
        return (*ranges[:-1], (last_a, end))
    touching = [(a, b) for a, b in ranges if a <= end and first <= b]
    first = min([first, *(a for a, _ in touching)])
    end = max([end, *(b for _, b in touching)])
    apart = [(a, b) for a, b in ranges if b < first or end < a]
    joined = sorted([*apart, (first, end)])
    if len(joined) > MAX_RANGES:
        joined[:2] = [(joined[0][0], joined[1][1])]
    return tuple(joined)


def _bounded(sessions: Mapping[str, Counted], at_s: int) -> dict[str, Counted]:
    """Copy of `sessions` with room for one more."""
    newest = max((c.newest_s for c in sessions.values()), default=at_s)
    oldest = max(newest, at_s) - HORIZON_S
    kept = {s: c for s, c in sessions.items() if c.newest_s >= oldest}
    while len(kept) >= MAX_SESSIONS:
        del kept[min(kept, key=lambda s: (kept[s].newest_s, s))]
    return kept

"""What the windows fold remembers of a device: open and waiting windows, and which are sealed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from processors import ledger as ledgers
from processors import window_sums
from processors.event_time import SECOND_US
from processors.ledger import Ledger
from processors.window_sums import Sums

MAX_SPANS: Final = 128
"""Of sealed windows per length; beyond, the oldest two count as one with all between them."""

SEVERAL: Final = ""
"""In place of a session id: the readings of more than one."""

Span = tuple[int, int]


class Key(NamedTuple):
    """A window of a device."""

    length_s: int
    start_s: int

    @property
    def end_us(self) -> int:
        """First instant after the window."""
        return (self.start_s + self.length_s) * SECOND_US


class Slot(NamedTuple):
    """One window in memory: its sums and whose readings they are.

    `dirty`: the row is not written as it stands; `final`: the row was last written as final;
    `rolled`: a base window that the larger windows hold already.
    """

    sums: Sums = window_sums.EMPTY
    session: str = SEVERAL
    first_seq: int = 0
    last_seq: int = 0
    dirty: bool = True
    final: bool = False
    rolled: bool = False

    def plus(self, part: "Slot") -> "Slot":
        """Add the readings of a part of the window."""
        if not self.sums.count:
            return part._replace(dirty=True, final=False, rolled=self.rolled)
        return Slot(
            window_sums.merged(self.sums, part.sums),
            self.session if self.session == part.session else SEVERAL,
            min(self.first_seq, part.first_seq),
            max(self.last_seq, part.last_seq),
            rolled=self.rolled,
        )

    def is_complete(self, ledger: Ledger) -> bool:
        """Whether no reading can come any more: the session's neighbours on both sides are here.

        A window in which a session began is never complete: what was before may still come.
        """
        return (
            self.session != SEVERAL
            and self.first_seq > 0
            and ledger.holds(self.session, self.first_seq - 1, self.last_seq + 1)
        )


@dataclass(frozen=True, slots=True)
class WindowsState:
    """State of one device; `too_late` counts readings whose window was sealed before they came."""

    device: str
    site: str = ""
    newest_us: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    slots: Mapping[Key, Slot] = field(default_factory=lambda: MappingProxyType({}))
    sealed: Mapping[int, tuple[Span, ...]] = field(default_factory=lambda: MappingProxyType({}))
    too_late: int = 0

    def is_sealed(self, key: Key) -> bool:
        """Whether the window's sums are gone for good."""
        spans = self.sealed.get(key.length_s, ())
        return any(a <= key.start_s < b for a, b in reversed(spans))

    def dump(self) -> bytes:
        """Stored form; `load` reads it back."""
        return orjson.dumps(
            [
                self.device,
                self.site,
                self.newest_us,
                self.ledger.dump(),
                [[*key, slot.sums.dump(), *slot[1:]] for key, slot in self.slots.items()],
                [[length, *spans] for length, spans in self.sealed.items()],
                self.too_late,
            ]
        )


def load(stored: bytes) -> WindowsState:
    """State of what `WindowsState.dump` gave."""
    device, site, newest_us, ledger, slots, sealed, too_late = orjson.loads(stored)
    return WindowsState(
        device=device,
        site=site,
        newest_us=newest_us,
        ledger=ledgers.load(ledger),
        slots=dict(_slots(slots)),
        sealed={length: tuple((a, b) for a, b in spans) for length, *spans in sealed},
        too_late=too_late,
    )


def with_span(spans: Sequence[Span], first_s: int, end_s: int) -> tuple[Span, ...]:
    """Add a sealed span to disjoint, ascending ones.

    >>> with_span([(0, 10), (20, 30)], 10, 20)
    ((0, 30),)
    """
    before = [span for span in spans if span[1] < first_s]
    after = [span for span in spans if span[0] > end_s]
    touching = [span for span in spans if span[1] >= first_s and span[0] <= end_s]
    joined = (
        min([first_s, *(a for a, _ in touching)]),
        max([end_s, *(b for _, b in touching)]),
    )
    result = [*before, joined, *after]
    if len(result) > MAX_SPANS:
        result[:2] = [(result[0][0], result[1][1])]
    return tuple(result)


def _slots(stored: Sequence[Any]) -> Iterator[tuple[Key, Slot]]:
    for length_s, start_s, sums, *rest in stored:
        yield Key(length_s, start_s), Slot(window_sums.load(sums), *rest)

"""What the book of windows is told, what it asks of the stored rows, and what it is answered."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ConfigDict

from processors.sources import MinuteBackground
from processors.window_keys import Key
from processors.window_seconds import NOTHING_HEARD, Heard
from schemas.base import DeviceId, Frozen, SiteId

NEVER_S: Final = 1 << 40
"""Later than anything, in seconds since the epoch."""


class Touched(Frozen):
    """What a fold says of a window: these readings are new in it, or its row is due.

    Among messages it asks to tell the world of the final rows that come of it. `newest_s`: no row
    of the device begins later.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    site: SiteId
    device: DeviceId
    zone: ZoneInfo
    key: Key
    heard: Heard = NOTHING_HEARD
    final: bool
    newest_s: int = NEVER_S


class Span(NamedTuple):
    """Windows of a device that begin from `from_s` up to `to_s`, exclusive."""

    device: DeviceId
    from_s: int
    to_s: int


class Bases(NamedTuple):
    """Question: stored base windows in these spans. Answer: sequence of `StoredBase`."""

    spans: Sequence[Span]


class Minutes(NamedTuple):
    """Question: stored minutes in these spans. Answer: sequence of `StoredMinute`."""

    spans: Sequence[Span]


class Children(NamedTuple):
    """Question: what these windows are merged from; those not due only if they have a row.

    Answer: sequence of `StoredChild`; at least one, even an empty one, for each that has a row.
    """

    wanted: Sequence[tuple[DeviceId, Key, bool]]


class StoredBase(NamedTuple):
    """A base window's row."""

    device: DeviceId
    start_s: int
    sums: bytes
    final: bool


class StoredMinute(NamedTuple):
    """What a minute's row says of the background."""

    device: DeviceId
    start_s: int
    background: MinuteBackground
    final: bool


class StoredChild(NamedTuple):
    """A window within a larger one; `final` is that of the larger one's row, if it has any."""

    device: DeviceId
    key: Key
    start_s: int
    sums: bytes | None
    final: bool | None


Question = Bases | Minutes | Children
Answer = Sequence[StoredBase] | Sequence[StoredMinute] | Sequence[StoredChild]

"""What the windows fold remembers of a device: readings that no row has yet, and little else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import orjson
from pydantic import Field

from processors import ledger as ledgers
from processors import window_seconds
from processors.event_time import moment
from processors.ledger import Ledger
from processors.window_keys import Key
from processors.window_seconds import Heard
from schemas.base import DeviceId, Frozen, UtcTime


class Account(Frozen):
    """A row of `ledger`: what became of a device's readings, as far as the ledger remembers."""

    device: DeviceId
    sessions: int
    counted: int
    missing: int = Field(description="below a session's newest seq, not counted yet")
    duplicates: int
    off_clock: int
    overlapping: int
    newest_at: UtcTime = Field(description="end of the newest reading")


class WindowsState(NamedTuple):
    """State of one device.

    `held` are base windows that the watermark has not passed, by their start; what a row has
    already is not among them. `open` are windows with readings that still become final, and
    whether they were written early. `off_clock` counts readings whose time cannot be, given when
    they were received: not folded. `overlapping` counts those at whose time another session of the
    device was heard too: folded, but two agents have one id.
    """

    device: str
    site: str = ""
    newest_us: int = 0
    ledger: Ledger = Ledger()
    held: Mapping[int, Heard] = MappingProxyType({})
    open: Mapping[Key, bool] = MappingProxyType({})
    off_clock: int = 0
    overlapping: int = 0

    def account(self) -> Account:
        """What became of the device's readings."""
        ledger = self.ledger
        return Account.trusted(
            device=self.device,
            sessions=len(ledger.sessions),
            counted=ledger.total,
            missing=ledger.missing,
            duplicates=ledger.duplicates,
            off_clock=self.off_clock,
            overlapping=self.overlapping,
            newest_at=moment(self.newest_us),
        )

    def dump(self) -> bytes:
        """Stored form; `load` reads it back."""
        held = [window_seconds.dump(heard) for heard in self.held.values()]
        head = orjson.dumps(
            [
                self.device,
                self.site,
                self.newest_us,
                self.ledger.dump(),
                [*self.held],
                [len(part) for part in held],
                [[*key, early] for key, early in self.open.items()],
                self.off_clock,
                self.overlapping,
            ]
        )
        return b"".join([len(head).to_bytes(4, "little"), head, *held])


def load(stored: bytes) -> WindowsState:
    """State of what `WindowsState.dump` gave."""
    at = 4 + int.from_bytes(stored[:4], "little")
    head = orjson.loads(stored[4:at])
    device, site, newest_us, ledger, starts, sizes, keys, off_clock, overlapping = head
    held = {}
    for start_s, size in zip(starts, sizes, strict=True):
        held[start_s] = window_seconds.load(stored[at : at + size])
        at += size
    return WindowsState(
        device=device,
        site=site,
        newest_us=newest_us,
        ledger=ledgers.load(ledger),
        held=held,
        open={Key(*key): early for *key, early in keys},
        off_clock=off_clock,
        overlapping=overlapping,
    )

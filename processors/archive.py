"""Records -> rows: one per reading, per minute of indices, and the newest status of a device.

The first of two readings with the same identity stays, which is the first in the log.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import orjson
from pydantic import Field

from processors import ledger as ledgers
from processors.event_time import SECOND_US, microseconds, moment
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.ledger import Digests, Ledger
from schemas.base import Decibels, DeviceId, Frozen, Label, PerMille, Seq, SessionId, UtcTime
from schemas.errors import Reason
from schemas.messages import Clock, Indices, Status
from schemas.readings import AnyBatch
from schemas.results import DeadLetter

_MQTT_LEVELS: Final = 5
"""cityhum/v1/{site}/{device}/{stream}"""


class ReadingRow(Frozen):
    """A row of `reading`."""

    device: DeviceId
    session: SessionId
    seq: Seq
    started_at: UtcTime
    received_at: UtcTime
    clock: Clock
    calibration: str | None
    laeq_1s_db: Decibels
    lceq_1s_db: Decibels
    lzeq_1s_db: Decibels
    lafmax_db: Decibels
    lasmax_db: Decibels
    lcpeak_db: Decibels
    overload: bool
    floor: bool
    third_octaves_db: tuple[Decibels, ...]
    model: str | None
    labels: tuple[Label, ...]
    scores: tuple[PerMille, ...] = Field(description="per mille, one per label")


class IndicesRow(Frozen):
    """A row of `indices`."""

    device: DeviceId
    session: SessionId
    first_seq: Seq
    started_at: UtcTime
    aci: float | None
    adi: float | None
    aei: float | None
    bi: float | None
    h: float | None
    ndsi: float | None


class StatusRow(Frozen):
    """What `device` keeps of a status."""

    device: DeviceId
    session: SessionId
    online: bool
    status_at: UtcTime | None = Field(description="null in a last will, which was written earlier")
    status: str = Field(description="the whole message, as JSON")

    def replaces(self, known: "StatusRow | None") -> bool:
        """Whether it is newer than what is known, which came before it.

        A last will of an older session comes when that connection times out, maybe long after the
        device has come back: it must not declare it dead. Which session is the older one its id
        does not tell, nor its time: a device may have begun it before it knew the time.
        """
        if known is None:
            return True
        if self.session != known.session:
            return self.status_at is not None
        if self.status_at is None or known.status_at is None:
            return True
        return self.status_at >= known.status_at


class DeadLetterRow(Frozen):
    """A message that could not be read, to be counted in `dead_letter`."""

    origin: str = Field(max_length=64, description="device, or Kafka topic in which it was found")
    reason: Reason
    hour: UtcTime
    newest_at: UtcTime
    newest_detail: str


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """State of one device; `conflicts` counts readings that came again with other content."""

    device: str
    ledger: Ledger = field(default_factory=Ledger)
    digests: Digests = field(default_factory=Digests)
    conflicts: int = 0

    def dump(self) -> bytes:
        """Stored form; `load` reads it back."""
        return orjson.dumps([self.device, self.ledger.dump(), self.digests.recent, self.conflicts])


def load(stored: bytes) -> ArchiveState:
    """State of what `ArchiveState.dump` gave."""
    device, ledger, recent, conflicts = orjson.loads(stored)
    # before they were text they were a list; they are soon learnt anew
    digests = Digests(recent if isinstance(recent, dict) else {})
    return ArchiveState(device, ledgers.load(ledger), digests, conflicts)


def step(state: ArchiveState, event: Event) -> tuple[ArchiveState, Outputs]:
    """Rows of the readings that are new."""
    if isinstance(event, Tick):
        return state, NOTHING
    end_s = microseconds(event.started_at) // SECOND_US + event.count
    ledger, new = state.ledger.counted(event.session, event.first_seq, event.count, at_s=end_s)
    digests, differs = state.digests.seen(event.session, event.first_seq, event.count, event.digest)
    state = ArchiveState(
        device=state.device,
        ledger=ledger,
        digests=digests,
        conflicts=state.conflicts + (event.count - len(new) if differs else 0),
    )
    if not new and not differs:
        return state, NOTHING
    rows = tuple(reading_row(event, seq) for seq in new)
    return state, Outputs(rows=rows, conflicts=(event,) if differs else ())


FOLD: Final = Fold(
    program="archive", empty=ArchiveState, step=step, dump=ArchiveState.dump, load=load
)


def reading_row(batch: AnyBatch, seq: int) -> ReadingRow:
    """Row of one reading of a batch; levels have 0.01 dB, as they travel.

    A real column would refuse what lies nearer to zero than it can tell.
    """
    n = seq - batch.first_seq
    levels = batch.levels[n]
    scores = batch.labels[n] if batch.labels else {}
    labels = sorted(scores)
    # every value was checked when the batch was read
    return ReadingRow.trusted(
        device=batch.device,
        session=batch.session,
        seq=seq,
        started_at=moment(microseconds(batch.started_at) + n * SECOND_US),
        received_at=batch.received_at,
        clock=batch.clock,
        calibration=batch.calibration,
        laeq_1s_db=round(levels.laeq_1s_db, 2),
        lceq_1s_db=round(levels.lceq_1s_db, 2),
        lzeq_1s_db=round(levels.lzeq_1s_db, 2),
        lafmax_db=round(levels.lafmax_db, 2),
        lasmax_db=round(levels.lasmax_db, 2),
        lcpeak_db=round(levels.lcpeak_db, 2),
        overload=levels.overload,
        floor=levels.floor,
        third_octaves_db=tuple(np.round(levels.third_octaves_db, 2).tolist()),
        model=batch.model,
        labels=tuple(labels),
        scores=tuple(scores[label] for label in labels),
    )


def indices_row(indices: Indices) -> IndicesRow:
    """Row of one minute of indices; its identity is (device, session, first_seq)."""
    return IndicesRow.model_construct(**indices.model_dump(exclude={"version", "site"}))


def status_row(status: Status) -> StatusRow:
    """What a status says of its device."""
    return StatusRow(
        device=status.device,
        session=status.session,
        online=status.online,
        status_at=status.at,
        status=status.model_dump_json(),
    )


def dead_letter_row(letter: DeadLetter) -> DeadLetterRow:
    """What is counted of a dead letter; its source is an MQTT topic or a place in Kafka."""
    levels = letter.source.split("/")
    by_device = len(levels) == _MQTT_LEVELS
    return DeadLetterRow(
        origin=levels[3 if by_device else 0][:64],
        reason=letter.reason,
        hour=letter.received_at.replace(minute=0, second=0, microsecond=0),
        newest_at=letter.received_at,
        newest_detail=letter.detail,
    )

"""Valid values with overrides: `reading(seq=3)`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from agents.batches import rounded
from agents.reading import READING_CODE_BYTES, Reading
from schemas.base import LabelScores, SeqRange
from schemas.envelopes import LabelledBatch
from schemas.messages import Clock, Levels

SESSION = "01KQRKWN000000000000000000"
OTHER_SESSION = "01KQRKWN000000000000000001"
STARTED_AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)

# --- agent ---------------------------------------------------------------------------------------


def levels(laeq_1s_db: float = 61.23, **overrides: float | tuple[float, ...]) -> Levels:
    """Levels of a street; everything but LAeq follows from it."""
    fields: dict[str, object] = {
        "laeq_1s_db": laeq_1s_db,
        "lceq_1s_db": laeq_1s_db + 4.5,
        "lzeq_1s_db": laeq_1s_db + 6,
        "lafmax_db": laeq_1s_db + 8,
        "lasmax_db": laeq_1s_db + 3,
        "lcpeak_db": laeq_1s_db + 20,
        "overload": False,
        "floor": False,
        "third_octaves_db": tuple(laeq_1s_db - 10 + n / 10 for n in range(25)),
    }
    return Levels.model_validate({**fields, **overrides})


_STREET_LEVELS = rounded(levels())


def reading(
    seq: int = 0,
    *,
    session: str = SESSION,
    started_at: datetime | None = None,
    clock: Clock = "synced",
    calibration: str | None = "simulated",
) -> Reading:
    """Reading `seq` of an unbroken session, with frames that no other seq below 250 has."""
    return Reading(
        session=session,
        seq=seq,
        started_at=started_at or STARTED_AT + timedelta(seconds=seq),
        clock=clock,
        calibration=calibration,
        levels=_STREET_LEVELS,
        codes=bytes([seq % 250]) * READING_CODE_BYTES,
    )


def readings(count: int, first_seq: int = 0, *, session: str = SESSION) -> list[Reading]:
    """Consecutive readings of one session."""
    return [reading(seq, session=session) for seq in range(first_seq, first_seq + count)]


def seqs(first_seq: int, count: int = 1, *, session: str = SESSION) -> SeqRange:
    """A range of readings, as an acknowledgement names it."""
    return SeqRange(session=session, first_seq=first_seq, count=count)


# --- processors ----------------------------------------------------------------------------------


def labelled(
    first_seq: int = 0,
    laeq_1s_db: Sequence[float] = (61.23,),
    *,
    labels: Sequence[LabelScores] = (),
    **overrides: object,
) -> LabelledBatch:
    """Classified readings of an unbroken session, received as soon as they end."""
    started_at = overrides.get("started_at", STARTED_AT + timedelta(seconds=first_seq))
    assert isinstance(started_at, datetime)
    fields: dict[str, object] = {
        "site": "harbour",
        "device": "pole-07",
        "session": SESSION,
        "first_seq": first_seq,
        "started_at": started_at,
        "clock": "synced",
        "calibration": "simulated",
        "levels": tuple(levels(level) for level in laeq_1s_db),
        "received_at": started_at + timedelta(seconds=len(laeq_1s_db)),
        "digest": "0" * 32,
        "model": "street8-0.3.0@0123456789ab",
        "labels": tuple(labels) or tuple({} for _ in laeq_1s_db),
    }
    return LabelledBatch.model_validate({**fields, **overrides})


def unlabelled(batch: LabelledBatch) -> LabelledBatch:
    """The same of a device that sends levels only."""
    return batch.model_copy(update={"model": None, "labels": ()})

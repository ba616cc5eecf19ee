"""One second at this device, before it becomes part of a batch."""

from dataclasses import dataclass
from datetime import datetime

from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MEL_BANDS,
    NO_FRAME,
    Clock,
    Levels,
)

READING_CODE_BYTES = FRAMES_PER_READING * MEL_BANDS
CONTEXT_CODE_BYTES = CONTEXT_FRAMES * MEL_BANDS
NO_CONTEXT = bytes([NO_FRAME]) * CONTEXT_CODE_BYTES
"""Context of a session's first reading: nothing was heard before it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Exactly one second of sound. Identity: (device, session, seq)."""

    session: str
    seq: int
    started_at: datetime
    clock: Clock
    calibration: str | None
    levels: Levels
    codes: bytes
    """uint8 [8, 32], row by row: the mel frames of this second; 255 where none was heard.

    Or labels, see `agents.labels`; or nothing, where only levels are left.
    """

"""What every message is made of: the frozen base, ids and bounded quantities."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

_set: Final = object.__setattr__


class Frozen(BaseModel):
    """Immutable, no unknown field, no NaN; bytes travel as base64 with the URL-safe alphabet."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )

    @classmethod
    def trusted(cls, **values: Any) -> Self:  # noqa: ANN401  # as the class's own fields
        """Make one of values that need no check, all of them: several times faster."""
        made = cls.__new__(cls)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", values.keys())
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


SlugId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
SiteId = SlugId
DeviceId = SlugId
"""Unique in the whole installation, not only within its site."""

SessionId = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$",
        description="ULID: one unbroken clock of one agent",
    ),
]
MAX_INTEGER: Final = 2**53
"""Up to here every reader of JSON has integers exactly, and sums of two fit every store."""

Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Seq = Annotated[
    int, Field(ge=0, le=MAX_INTEGER, description="counts a session's readings, no gaps")
]
Decibels = Annotated[float, Field(ge=-200, le=200)]
ACTIVE_SCORE: Final = 500
"""A label is active in a second from this score on: its decision threshold, whatever the model."""

PerMille = Annotated[int, Field(ge=0, le=1000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="first half of a SHA-256")]
UtcTime = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)),
]
"""An instant that every calendar we use can hold, in any zone, and a minute later."""

Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters: PostgreSQL holds no NUL, and logs and terminals show it."""

Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
LabelScores = Mapping[Label, PerMille]
"""The labels at or above the reporting score, with their calibrated score in per mille."""


class SeqRange(Frozen):
    """`count` consecutive readings of one session, beginning with `first_seq`."""

    session: SessionId
    first_seq: Seq
    count: int = Field(ge=1, le=MAX_INTEGER)

"""Event time as whole microseconds since the epoch: exact, and cheap to compare."""

from datetime import UTC, datetime, timedelta
from typing import Final

SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Microseconds since the epoch.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - _EPOCH) // _MICROSECOND


def moment(at_us: int) -> datetime:
    """Inverse of `microseconds`, in UTC.

    >>> moment(1_500_000).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    return _EPOCH + timedelta(microseconds=at_us)

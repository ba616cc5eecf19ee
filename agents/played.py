"""What became of a recording that was played."""

from schemas.base import Frozen, UtcTime


class Played(Frozen):
    """What became of a recording."""

    file: str
    session: str
    started_at: UtcTime
    seconds: float
    readings: int
    rejected: int
    remaining: int

    def sentence(self) -> str:
        """Return it for a person."""
        rest = f"{self.remaining} of the spool still wait" if self.remaining else "all answered"
        return (
            f"{self.file}: {self.readings} readings of {self.seconds:.1f} s published,"
            f" {self.rejected} rejected, {rest}"
        )

"""One attempt to do something, with what should come of it."""

from typing import NamedTuple


class Trial(NamedTuple):
    """Somebody tried something at a server."""

    server: str
    who: str
    what: str
    wanted: bool
    """Whether it should work."""
    got: bool
    """Whether it did."""

    @property
    def right(self) -> bool:
        """Whether it went as written."""
        return self.wanted == self.got


def may(server: str, who: str, what: str, got: bool) -> Trial:  # noqa: FBT001  # what came of it
    """Something that should work."""
    return Trial(server, who, what, True, got)  # noqa: FBT003


def may_not(server: str, who: str, what: str, got: bool) -> Trial:  # noqa: FBT001
    """Something that should be refused."""
    return Trial(server, who, what, False, got)  # noqa: FBT003

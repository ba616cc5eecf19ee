"""One agent for each spool, and whether the last one closed it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from schemas.errors import BadConfig


class SpoolLock:
    """A locked file beside the spool: empty while that is open, and after a crash.

    Raises
    ------
    BadConfig
        Another agent has it.
    """

    def __init__(self, spool: Path) -> None:
        self._file = spool.with_suffix(".lock").open("a", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.was_closed = self._file.tell() > 0
            """Whether whoever had the spool before came to an orderly end."""
            self._file.truncate(0)
            os.fsync(self._file.fileno())
        except BlockingIOError:
            self.release()
            raise BadConfig(f"another agent is using the spool {spool}") from None
        except BaseException:
            self.release()
            raise

    def closed(self) -> None:
        """Note that the spool was closed; a full disk forgets it, and the file is checked."""
        self._file.write("closed\n")

    def release(self) -> None:
        """Let another agent have it."""
        with suppress(OSError):
            self._file.close()

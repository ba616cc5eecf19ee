"""The pipe between a recorder and the agent, and where in it sound was lost.

It is short: while the agent is busy, sound waits at the sound card, which says what it loses, and
not in a pipe, where what is lost afterwards would be taken for lost before.
"""

import asyncio
import fcntl
import os
import sys
import termios
from io import FileIO
from types import TracebackType
from typing import Self


class SoundPipe:
    """What a recorder writes to `writer`.

    Parameters
    ----------
    length : int
        So many bytes it may hold; the kernel rounds up to pages.
    """

    def __init__(self, length: int) -> None:
        reader, writer = os.pipe()
        self._reader, self.writer = FileIO(reader), FileIO(writer, "w")
        os.set_blocking(reader, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, length)
        self._taken = 0
        self._lost_s = 0.0
        self._lost_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.close()
        self.close()

    def close(self) -> None:
        """Read no more: whoever still writes is told so, and ends."""
        self._reader.close()

    def lost(self, lost_s: float) -> None:
        """Note that sound was lost before what is written from now on."""
        if lost_s > 0 and not self._reader.closed:
            waiting = fcntl.ioctl(self._reader, termios.FIONREAD, bytes(4))
            self._lost_at = self._taken + int.from_bytes(waiting, sys.byteorder)
            self._lost_s += lost_s

    async def read(self, length: int) -> tuple[float, bytes]:
        """The next samples.

        Parameters
        ----------
        length : int
            How many bytes, > 0.

        Returns
        -------
        lost_s : float
            What was lost before them, s.
        samples : bytes
            Fewer at a loss, fewer or none at the end.
        """
        lost_s, samples = 0.0, b""
        while len(samples) < length:
            await self._something()
            room = length - len(samples)
            if self._lost_s and self._lost_at > self._taken:
                room = min(room, self._lost_at - self._taken)
            elif self._lost_s and samples:
                break
            elif self._lost_s:
                lost_s, self._lost_s = self._lost_s, 0.0
            if not (part := self._reader.read(room)):
                break
            self._taken += len(part)
            samples += part
        return lost_s, samples

    async def _something(self) -> None:
        """Return once there is something to read, or the end."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._reader, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._reader)
        await asyncio.sleep(0)  # a loss that is told before these samples is heard before them

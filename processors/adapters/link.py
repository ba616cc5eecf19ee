"""Connections to a target that may forget: Mosquitto saves only now and then what it has taken."""

import asyncio


class Link:
    """Whether a target is there, and over which connection: the next may meet one that forgot."""

    def __init__(self) -> None:
        self._up = asyncio.Event()
        self._number = 1

    @property
    def number(self) -> int:
        """Number of the connection; while there is none, that of the next."""
        return self._number

    @property
    def is_up(self) -> bool:
        """Whether the target is there."""
        return self._up.is_set()

    def up(self) -> None:
        """It is connected; another connection than before if it was so already."""
        self.down()
        self._up.set()

    def down(self) -> None:
        """It is not connected, or no longer."""
        if self._up.is_set():
            self._number += 1
        self._up.clear()

    async def wait(self) -> None:
        """Return when the target is there."""
        await self._up.wait()

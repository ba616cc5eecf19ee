"""Replays as `cityhum replay list` and `diff` tell them, with the reader's rights."""

import asyncio
from collections.abc import Sequence

from dashboard.adapters import rights
from dashboard.settings import DashboardSettings
from processors.adapters import replay_catalog, replay_compare
from processors.adapters.replay_catalog import Entry
from processors.replay_diff import Difference


def entries(settings: DashboardSettings) -> Sequence[Entry]:
    """All replays, by name."""

    async def asked() -> Sequence[Entry]:
        async with replay_catalog.opened(rights.reader(settings), "") as connection:
            return await replay_catalog.entries(connection)

    return asyncio.run(asked())


def difference(settings: DashboardSettings, name: str) -> Difference:
    """What a complete replay found otherwise than the live run.

    Raises
    ------
    BadConfig
        If there is no such replay.
    """

    async def compared() -> Difference:
        async with replay_catalog.opened(rights.reader(settings), name) as connection:
            entry = await replay_catalog.entry_of(connection, name)
            return await replay_compare.compared(connection, entry.asked)

    return asyncio.run(compared())

"""Notices partitions that stand still although Kafka has more to read."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from processors.partitions import LOOK_EVERY_S, Key, Watch
from schemas.errors import Unavailable

log = logging.getLogger(__name__)


class Ends(Protocol):
    """How far the topics go."""

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """Offset behind the last record of each partition; Unavailable if Kafka is away."""


async def standing_still(
    positions: Callable[[], Mapping[Key, int]], log_ends: Ends, clock: Callable[[], float]
) -> Sequence[Key]:
    """Look now and then; return the partitions without progress for too long, once any are.

    Parameters
    ----------
    positions : callable
        Next offset of each partition that ought to move; none while it is known why they do not.
    log_ends : Ends
        Kafka; while it is away nothing can move.
    clock : callable
        Monotonic time, s.
    """
    seen = Watch({})
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            ends = await log_ends.ends(list(positions()))
        except Unavailable as error:
            log.warning("kafka_away", extra={"why": str(error)})
            ends = {}
        seen = seen.seen(clock(), positions(), ends)
        if stuck := seen.stuck(clock()):
            return stuck

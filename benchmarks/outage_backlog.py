"""How a backlog drains while new readings come every second."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from typing import Final

from agents.adapters.clock import new_session
from agents.adapters.spool import SqliteSpool
from benchmarks.outage_device import readings
from benchmarks.outage_stage import PAST, Arrivals, Device, Identity, servers

LIVE_WITHIN_S: Final = 5.0
_CHUNK: Final = 600
_GIVEN_UP_S: Final = 1800
_CONNECTED_S: Final = 3.0


async def backlog(folder: Path, count: int) -> dict[str, float]:
    """Drain a spool of many readings; those heard meanwhile must not wait for them."""
    state = folder / "device"
    state.mkdir()
    session = _filled(state / "spool.sqlite", count)
    async with servers(folder) as (broker, kafka), Arrivals(kafka) as arrivals:
        device = Device(state, broker)
        process = await device.start(0, "--rate", "1")
        begun_s = time.monotonic()
        heard_s = await _drained(device, arrivals, session, count)
        drained_s = time.monotonic() - begun_s
        await asyncio.sleep(2)
        await arrivals.read(0.5)
        process.kill()
        await process.wait()
    old = [(order, seq) for (of, seq), (order, _) in arrivals.readings.items() if of == session]
    # what was heard before the connection was there is the backlog's last
    live = {each: at for each, at in heard_s.items() if at > begun_s + _CONNECTED_S}
    delays = [arrivals.readings[each][1] - at for each, at in live.items()]
    return {
        "readings": count,
        "drained_s": round(drained_s, 1),
        "per_s": round(len(old) / drained_s, 1),
        "missing": count - len(old),
        "out_of_order": sum(a > b for (_, a), (_, b) in pairwise(sorted(old))),
        "live_readings": len(delays),
        "live_late": sum(delay > LIVE_WITHIN_S for delay in delays),
        "live_slowest_s": round(max(delays, default=0.0), 2),
    }


def _filled(spool_file: Path, count: int) -> str:
    """Spool so many readings of one session, and name it."""
    began = datetime.now(UTC) - PAST - timedelta(seconds=count)
    session = new_session(began)
    made = islice(readings(session, began, Random(1)), count)  # noqa: S311
    with SqliteSpool(spool_file, 2**30) as spool:
        while chunk := list(islice(made, _CHUNK)):
            spool.append(chunk)
            if chunk[0].seq % (100 * _CHUNK) == 0:
                spool.checkpoint()
    return session


async def _drained(
    device: Device, arrivals: Arrivals, session: str, count: int
) -> dict[Identity, float]:
    """When each new reading was heard, until the session has arrived or it takes too long."""
    until_s = time.monotonic() + _GIVEN_UP_S
    heard_s: dict[Identity, float] = {}
    while sum(of == session for of, _ in arrivals.readings) < count:
        await arrivals.read(0.2)
        now_s = time.monotonic()
        for each in device.heard:
            heard_s.setdefault(each, now_s)
        if now_s > until_s:
            break
    return heard_s

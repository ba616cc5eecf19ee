"""The device that `benchmarks.outage` torments: a real spool and publisher, readings made up.

It writes `session seq` of each reading it has heard to its output. SIGUSR1 fills its disk (no file
may grow any more), SIGUSR2 empties it, SIGTERM ends the hearing; it then waits until everything is
acknowledged, its losses too.
"""

import argparse
import asyncio
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

from agents.adapters.clock import SystemClock, new_session
from agents.adapters.link import Link, Login
from agents.adapters.publish import Publisher
from agents.adapters.running import background
from agents.adapters.spool import SqliteSpool
from agents.batches import Origin
from agents.reading import READING_CODE_BYTES, Reading
from schemas.errors import Unavailable
from schemas.messages import Levels, Status

SITE: Final = "harbour"
ROOM_BYTES: Final = 20_000
_FAREWELL_S: Final = 1.0


def readings(session: str, started_at: datetime, chance: Random) -> Iterator[Reading]:
    """Seconds of a session, each with frames of its own."""
    bands = tuple(40.0 + n for n in range(25))
    single = ("laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db", "lcpeak_db")
    for seq in range(10**9):
        level_db = round(50 + 20 * chance.random(), 2)
        yield Reading(
            session=session,
            seq=seq,
            started_at=started_at + timedelta(seconds=seq),
            clock="synced",
            calibration="simulated",
            levels=Levels(
                **dict.fromkeys(single, level_db),
                overload=False,
                floor=False,
                third_octaves_db=bands,
            ),
            codes=bytes(chance.choices(range(200), k=READING_CODE_BYTES)),
        )


async def live(asked: argparse.Namespace) -> None:
    """Hear, store and send until told to stop."""
    chance = Random(asked.seed)  # noqa: S311
    clock = SystemClock()
    session = new_session(clock.utc_now())
    stop = _stop(asked.folder)
    with SqliteSpool(asked.folder / "spool.sqlite", asked.max_bytes) as spool:
        publisher = _publisher(asked, session, spool, clock, chance)
        async with background(publisher.run()):
            started_at = datetime.fromtimestamp(asked.started_at, UTC)
            every = readings(session, started_at, chance)
            while not stop.is_set():
                new = list(islice(every, asked.at_once))
                with suppress(Unavailable):
                    spool.append(new)
                sys.stdout.write("".join(f"{session} {reading.seq}\n" for reading in new))
                sys.stdout.flush()
                publisher.wake()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1 / asked.rate)
            if asked.drain:
                publisher.renew()  # says what was dropped
                await publisher.drained()
                await asyncio.sleep(_FAREWELL_S)


def _stop(folder: Path) -> asyncio.Event:
    """Set once we are told to end; meanwhile the disk is filled and emptied as we are told."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, partial(_fill, folder))
    loop.add_signal_handler(signal.SIGUSR2, partial(_limit, resource.RLIM_INFINITY))
    return stop


def _publisher(
    asked: argparse.Namespace, session: str, spool: SqliteSpool, clock: SystemClock, chance: Random
) -> Publisher:
    password = asked.password.read_text(encoding="utf-8").strip()
    login = Login("127.0.0.1", asked.port, asked.device, password)

    def status() -> Status:
        return Status(
            site=SITE,
            device=asked.device,
            session=session,
            online=True,
            at=clock.utc_now(),
            dropped=spool.dropped(),
        )

    return Publisher(
        Origin(SITE, asked.device),
        spool,
        partial(Link, login),
        status=status,
        clock=clock,
        chance=chance,
    )


def _fill(folder: Path) -> None:
    _limit(max(path.stat().st_size for path in folder.glob("spool.sqlite*")) + ROOM_BYTES)


def _limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def main() -> None:
    """Run one device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--password", type=Path, required=True)
    parser.add_argument("--started-at", type=float, required=True)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-bytes", type=int, default=2**30)
    parser.add_argument("--drain", action="store_true")
    asyncio.run(live(parser.parse_args()))


if __name__ == "__main__":
    main()

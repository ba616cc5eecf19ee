"""Bytes a day on the wire and on the disk, by upload mode.

Run: `python -m benchmarks.uploads [--minutes N] [--json]`. A real publisher and spool talk to a
Mosquitto of their own through a proxy that counts every byte of TCP payload, both ways, while time
runs 120 times as fast; an acknowledgement answers every batch. Pings are added by reckoning: they
follow the real clock. Headers of TCP and IP come on top: about 100 bytes for each message and its
confirmation. Figures are in docs/store-and-forward.md.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from agents.adapters.clock import SystemClock, new_session
from agents.adapters.link import KEEPALIVE_S, Link, Login, Message
from agents.adapters.publish import Publisher
from agents.adapters.running import background
from agents.adapters.spool import SqliteSpool
from agents.batches import Origin
from agents.uploads import Upload, uploads
from benchmarks.outage_device import SITE, readings
from deploy.local.mosquitto import Mosquitto
from schemas import topics
from schemas.codec import decode, encode
from schemas.messages import Ack, FeatureBatch, Status

DEVICE: Final = "pole-01"
SPEED: Final = 120
MODES: Final[tuple[Upload, ...]] = ("live", "batched", "scheduled")
_DAY_S: Final = 86_400
_PING_BYTES: Final = 4
_CHECKPOINT_S: Final = 30


class FastClock(SystemClock):
    """Time that runs faster."""

    def monotonic_s(self) -> float:
        """Seconds of fast time."""
        return SPEED * super().monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """Return after so many fast seconds."""
        await super().sleep(seconds / SPEED)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return once the event is set, or after so many fast seconds."""
        await super().wait(event, timeout_s / SPEED)


@dataclass
class Proxy:
    """Passes bytes on to a broker, and counts them."""

    port: int
    up: int = 0
    down: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, both ways, until either side ends it."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(
            self._pass(reader, there_writer, "up"), self._pass(there_reader, writer, "down")
        )

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, way: str
    ) -> None:
        while data := await source.read(65536):
            setattr(self, way, getattr(self, way) + len(data))
            target.write(data)
        target.close()


async def answering(broker: Mosquitto) -> None:
    """Acknowledge every batch, in the bridge's place."""
    got: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    password = broker.password_file("bridge").read_text(encoding="utf-8").strip()
    link = Link(
        Login(broker.host, broker.port, "bridge", password),
        will=Message("cityhum/v1/none/none/status", b""),
        topics=[topics.subscription("features")],
        received=lambda topic, payload: got.put_nowait((topic, payload)),
        changed=lambda: None,
    )
    async with link:
        while True:
            _, payload = await got.get()
            batch = decode(FeatureBatch, payload)
            ack = Ack(device=batch.device, accepted=(batch.seqs,))
            link.publish(Message(topics.ack_topic(batch.site, batch.device), encode(ack)))


def status(session: str, spool: SqliteSpool) -> Status:
    """What an agent says of itself every minute."""
    return Status(
        site=SITE,
        device=DEVICE,
        session=session,
        online=True,
        at=datetime.now(UTC),
        agent_version="0.1.0",
        calibration="simulated",
        profile="mel32x8",
        clock="synced",
        spooled_readings=spool.depth(),
        quarantined=0,
        overruns=0,
        temperature_c=51.5,
        disk_free_bytes=10**10,
    )


async def one_mode(
    mode: Upload, origin: Origin, broker: Mosquitto, folder: Path, seconds: int
) -> dict[str, float]:
    """Publish for so many fast seconds; MB a day on the wire and, in live mode, on the disk."""
    proxy = Proxy(broker.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    password = broker.password_file(DEVICE).read_text(encoding="utf-8").strip()
    clock = FastClock()
    now = datetime.now(UTC)
    session = new_session(now)
    with SqliteSpool(folder / f"{mode}-{origin.profile}.sqlite", 2**30) as spool:
        publisher = Publisher(
            origin,
            spool,
            partial(Link, Login("127.0.0.1", port, DEVICE, password)),
            status=lambda: status(session, spool),
            clock=clock,
            chance=Random(1),  # noqa: S311
        )
        publisher.follow(uploads(mode, 60, 3600))
        before = written()
        async with background(publisher.run()), background(answering(broker)):
            begun_s = clock.monotonic_s()
            made = readings(session, now - timedelta(days=1), Random(1))  # noqa: S311
            for n, reading in zip(range(1, seconds + 1), made, strict=False):
                spool.append([reading])
                publisher.wake()
                if n % _CHECKPOINT_S == 0:
                    spool.checkpoint()
                await clock.sleep(begun_s + n - clock.monotonic_s())
            disk = written() - before
            await publisher.drained()
    server.close()
    pings = 0 if mode == "scheduled" else 2 * _PING_BYTES * _DAY_S / KEEPALIVE_S
    per_day = _DAY_S / seconds
    return {
        "up_mb": round((proxy.up * per_day + pings / 2) / 1e6, 2),
        "down_mb": round((proxy.down * per_day + pings / 2) / 1e6, 2),
        "disk_mb": round(disk * per_day / 1e6, 1),
    }


def written() -> int:
    """Bytes that this process has caused to be written to disks."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


async def measure(folder: Path, minutes: int) -> dict[str, dict[str, float]]:
    """Every mode, with mel frames and with levels only."""
    broker = Mosquitto(folder, devices=[DEVICE])
    await asyncio.to_thread(broker.start)
    figures = {}
    try:
        for mode in MODES:
            for origin in (Origin(SITE, DEVICE), Origin(SITE, DEVICE, "levels")):
                name = f"{mode} {origin.profile}"
                seconds = 60 * max(minutes, 61 * (mode == "scheduled"))
                figures[name] = await one_mode(mode, origin, broker, folder, seconds)
    finally:
        await asyncio.to_thread(broker.stop)
    return figures


def main() -> None:
    """Print the figures, one mode a line or as one JSON object."""
    parser = argparse.ArgumentParser(description="bytes a day, by upload mode")
    parser.add_argument("--minutes", type=int, default=10, help="of fast time, each")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory(dir=".") as folder:
        figures = asyncio.run(measure(Path(folder).resolve(), arguments.minutes))
    lines = [f"{mode:20} {figure}" for mode, figure in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()

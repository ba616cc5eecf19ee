"""What benchmarks of the stream share: servers of their own, programs, and who measured where."""

import asyncio
import os
import platform
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import postgres_home, programs
from deploy.local.process import tied
from deploy.local.stack import LocalStack
from processors import registry
from schemas import topics

JARS: Final = Path(".local/kafka")
SITES: Final = Path("deploy/sites.yaml")


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder for servers; with it goes the database, which as root may lie elsewhere."""
    with TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        finally:
            postgres_home.remove(Path(folder) / "postgres")


@contextmanager
def staged(devices: Sequence[str] = ()) -> Iterator[LocalStack]:
    """Start empty servers with our topics and tables, and throw them away in the end."""
    named = registry.parse(SITES.read_text(encoding="utf-8"), SITES.name).site_of
    with scratch() as folder, LocalStack(folder, devices=devices or named, jars=JARS) as stack:
        asyncio.run(programs.prepare(stack.addresses))
        yield stack


@asynccontextmanager
async def program(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program beside us, its words in a log; it ends with us, however we end."""
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(
            *tied(signal.SIGKILL),
            *command,
            env={**os.environ, **environment},
            stdout=words,
            stderr=words,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def log_of(
    bootstrap: str, *names: str, isolation: str = "read_uncommitted"
) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of topics from their first record on.

    With the isolation level `read_committed` it hears nothing of transactions that were aborted.

    `seek_to_beginning` is no way to that: aiokafka 0.14 resets a position that nobody has set yet
    at the same time, by default to the end, and whoever answers last wins.
    """
    consuming = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level=isolation
    )
    async with consuming as log:
        log.assign([TopicPartition(name, n) for name in names for n in range(topics.PARTITIONS)])
        yield log


def surroundings(*packages: str) -> dict[str, Any]:
    """Machine and versions, as they belong beside every figure."""
    model = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in packages},
    }


def versions_of(interpreter: Path, *packages: str) -> dict[str, str]:
    """Versions of packages in another environment; none if it is not there."""
    if not interpreter.exists():
        return {}
    code = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    said = subprocess.run(
        [str(interpreter), "-c", code, *packages], check=True, capture_output=True, text=True
    )
    return dict(zip(packages, said.stdout.split(), strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Value that a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def python(module: str, *arguments: str) -> list[str]:
    """Command line of a module of ours."""
    return [sys.executable, "-m", module, *arguments]

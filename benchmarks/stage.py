"""What benchmarks of the stream share: servers of their own, programs, and who measured where."""

import asyncio
import os
import platform
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import programs
from deploy.local.stack import LocalStack
from processors import registry
from schemas import topics

JARS: Final = Path(".local/kafka")
SITES: Final = Path("deploy/sites.yaml")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def staged(devices: Sequence[str] = ()) -> Iterator[LocalStack]:
    """Start empty servers with our topics and tables, and throw them away in the end."""
    named = registry.parse(SITES.read_text(encoding="utf-8"), SITES.name).site_of
    with TemporaryDirectory() as folder:
        stack = LocalStack(Path(folder), devices=devices or named, jars=JARS)
        with stack:
            asyncio.run(programs.prepare(stack.addresses))
            yield stack


@asynccontextmanager
async def program(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program beside us, its words in a log, and kill it in the end."""
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment}, stdout=words, stderr=words
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def log_of(bootstrap: str, *names: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of topics from their first record on.

    `seek_to_beginning` is no way to that: aiokafka 0.14 resets a position that nobody has set yet
    at the same time, by default to the end, and whoever answers last wins.
    """
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as log:
        log.assign([TopicPartition(name, n) for name in names for n in range(topics.PARTITIONS)])
        yield log


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def family_cpu_s(pid: int) -> float:
    """CPU time of a process, of its children, and of those that have ended, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    own_s = sum(map(int, fields[11:15])) / _TICKS_PER_S
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended just now
            own_s += cpu_s(int(child))
    return own_s


def spent_by(command: Sequence[str]) -> float:
    """CPU time of a command, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def importing(module: str) -> list[str]:
    """Command line that imports a module and nothing else."""
    return [sys.executable, "-c", f"import {module}"]


def resident_mb(pid: int) -> float:
    """Memory of a process, MB."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


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

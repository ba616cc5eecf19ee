"""What every process says and takes while a load runs, looked at every few seconds."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import proc
from deploy.local.ports import HOST

EVERY_S: Final = 2.0
_ACKNOWLEDGED: Final = "cityhum_acknowledged_readings_total"
_APPLIED: Final = "cityhum_applied_readings_total"

Pids = Callable[[], Mapping[str, int]]


@dataclass(frozen=True)
class Sample:
    """How far everybody was at a moment."""

    at: datetime
    acknowledged: int
    """Readings that are safe in Kafka, by the bridge."""
    applied: Mapping[str, int]
    """Readings that each program has done."""


@dataclass(frozen=True)
class Use:
    """CPU time of a phase, as part of one core, and memory at its end; None: gone by then."""

    core_share: float
    memory_mb: float | None


@dataclass(frozen=True)
class Spent:
    """CPU time that a process has used since it began."""

    pid: int
    cpu_s: float


@dataclass
class Watch:
    """Samples, and what each phase has taken."""

    pids: Pids
    samples: list[Sample] = field(default_factory=list)
    uses: dict[str, dict[str, Use]] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Of each process, in all phases together."""
    _since_s: float = 0.0
    _before: dict[str, Spent] = field(default_factory=dict)
    _last: dict[str, Spent] = field(default_factory=dict)

    def begin(self) -> None:
        """Count CPU time from here on."""
        self._since_s, self._last = time.monotonic(), {}
        self.look()
        self._before = dict(self._last)

    def look(self) -> None:
        """Note what has been spent so far: a process may be gone when its phase ends."""
        for name, pid in self._living().items():
            with suppress(FileNotFoundError, ProcessLookupError):
                self._last[name] = Spent(pid, proc.family_cpu_s(pid))

    def mark(self, phase: str) -> None:
        """A phase ends here; note what everybody has taken during it."""
        self.look()
        passed_s, living = time.monotonic() - self._since_s, self._living()
        self.uses[phase] = {}
        for name, spent in self._last.items():
            before = self._before.get(name, Spent(0, 0.0))
            cpu_s = spent.cpu_s - (before.cpu_s if before.pid == spent.pid else 0.0)
            self.cpu_s[name] += cpu_s
            memory_mb = round(proc.family_mb(spent.pid)) if name in living else None
            self.uses[phase][name] = Use(round(cpu_s / passed_s, 3), memory_mb)
        self.begin()

    def _living(self) -> dict[str, int]:
        return {n: pid for n, pid in self.pids().items() if Path(f"/proc/{pid}/statm").exists()}


@asynccontextmanager
async def watched(ports: Mapping[str, int], pids: Pids) -> AsyncIterator[Watch]:
    """Look at the programs' metrics while something runs.

    Parameters
    ----------
    ports : mapping of str to int
        Where each program shows its metrics.
    pids : callable
        Processes by name, as they are now.
    """
    watch = Watch(pids)
    looking = asyncio.create_task(_look(watch, ports))
    try:
        yield watch
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _look(watch: Watch, ports: Mapping[str, int]) -> None:
    async with httpx.AsyncClient(timeout=5.0) as client:
        while True:
            watch.samples.append(await _sample(client, ports))
            watch.look()
            await asyncio.sleep(EVERY_S)


async def _sample(client: httpx.AsyncClient, ports: Mapping[str, int]) -> Sample:
    at = datetime.now(UTC)
    found = await asyncio.gather(*(_scraped(client, port) for port in ports.values()))
    shown = dict(zip(ports, found, strict=True))
    applied = {name: int(each.get(_APPLIED, 0)) for name, each in shown.items()}
    return Sample(at, int(shown["bridge"].get(_ACKNOWLEDGED, 0)), applied)


async def _scraped(client: httpx.AsyncClient, port: int) -> dict[str, float]:
    try:
        page = (await client.get(f"http://{HOST}:{port}/metrics")).text
    except httpx.HTTPError:  # busy, or just started again
        return {}
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name in (_ACKNOWLEDGED, _APPLIED):
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums

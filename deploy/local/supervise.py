"""Keep programs running: each with its own log, started again when it ends, all stopped at last."""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from deploy.local.process import tied
from schemas.errors import BadConfig

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_SETTLED_AFTER_S = 30.0
_BAD_CONFIG = 2


@dataclass(frozen=True)
class Program:
    """A command that shall run until it is stopped; `environment` is added to ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def started(self, log_folder: Path, grace_s: float) -> AsyncIterator[Process]:
        """Start it, its words appended to its log; stop it in the end, killing it if it must."""
        with self._log(log_folder).open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *tied(signal.SIGTERM),
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
                start_new_session=True,  # Ctrl-C is for us
            )
        try:
            yield process
        finally:
            await _stop(process, grace_s)

    def last_words(self, log_folder: Path) -> str:
        """Last line of its log."""
        text = self._log(log_folder).read_text(encoding="utf-8", errors="replace").strip()
        return text.split("\n")[-1] or "said nothing"

    def _log(self, log_folder: Path) -> Path:
        return log_folder / f"{self.name}.log"


class Supervisor:
    """Runs programs side by side; an async context manager that stops them all within 10 s.

    Parameters
    ----------
    programs : sequence of Program
        Their names name the logs.
    log_folder : Path
        `NAME.log` is appended to.
    grace_s : float
        How long a program may take to stop before it is killed.
    """

    def __init__(self, programs: Sequence[Program], log_folder: Path, grace_s: float = 8.0) -> None:
        self.restarts: Counter[str] = Counter()
        self.endings: list[str] = []
        """What each program that ended by itself said last."""
        self.pids: dict[str, int] = {}
        """Of those that run now: who has ended, and waits to be started again, has none."""
        self._programs = programs
        self._log_folder = log_folder
        self._grace_s = grace_s
        self._tasks: list[asyncio.Task[NoReturn]] = []

    async def __aenter__(self) -> Self:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._tasks = [
            asyncio.create_task(self._keep(program), name=program.name)
            for program in self._programs
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Run on until a program finds its configuration wrong; then raise BadConfig."""
        await asyncio.gather(*self._tasks)

    async def _keep(self, program: Program) -> NoReturn:
        clock = asyncio.get_running_loop().time
        pause_s = _FIRST_PAUSE_S
        while True:
            started = clock()
            status = await self._run(program)
            if status == _BAD_CONFIG:  # a second try would find the same
                raise BadConfig(f"{program.name}: {program.last_words(self._log_folder)}")
            if clock() - started > _SETTLED_AFTER_S:
                pause_s = _FIRST_PAUSE_S
            why = program.last_words(self._log_folder)
            self.endings.append(f"{program.name}: status {status}: {why}")
            log.warning(
                "program_ended", extra={"program": program.name, "status": status, "why": why}
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self.restarts[program.name] += 1

    async def _run(self, program: Program) -> int:
        """Run a program to its end; stop it when we are cancelled."""
        async with program.started(self._log_folder, self._grace_s) as process:
            self.pids[program.name] = process.pid
            try:
                return await process.wait()
            finally:
                del self.pids[program.name]


async def _stop(process: Process, grace_s: float) -> None:
    """Ask a process to end, then end it and what it has started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()

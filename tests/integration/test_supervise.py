"""Programs kept running: restarted when they end, stopped for good when we leave."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local.process import wait_gone
from deploy.local.supervise import Program, Supervisor
from schemas.errors import BadConfig

RUNS = "import signal; print('up', flush=True); signal.pause()"
ENDS = "print('up', flush=True)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + RUNS


def python(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code])


async def line_of(path: Path, number: int) -> None:
    """Return once the log has so many lines."""
    tail = await asyncio.create_subprocess_exec(
        *("tail", "-n", "+1", "--retry", "-F", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert tail.stdout is not None
    for _ in range(number):
        assert await asyncio.wait_for(tail.stdout.readline(), 10)
    tail.kill()
    await tail.wait()


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    async with Supervisor([python("one", RUNS)], tmp_path) as supervisor:
        await line_of(tmp_path / "one.log", 1)
        first = supervisor.pids["one"]
        os.kill(first, signal.SIGKILL)
        await line_of(tmp_path / "one.log", 2)
        second = supervisor.pids["one"]
    assert second != first
    assert supervisor.restarts["one"] == 1
    assert wait_gone(second, timeout_s=0)


async def test_the_environment_reaches_the_program(tmp_path: Path) -> None:
    code = "import os, signal; print(os.environ['CITYHUM_X'], flush=True); signal.pause()"
    program = Program("one", [sys.executable, "-c", code], {"CITYHUM_X": "seven"})
    async with Supervisor([program], tmp_path):
        await line_of(tmp_path / "one.log", 1)
    assert (tmp_path / "one.log").read_text() == "seven\n"


async def test_a_wrong_configuration_is_not_tried_twice(tmp_path: Path) -> None:
    code = "import sys; print('model street9 is unknown'); sys.exit(2)"
    async with Supervisor([python("classify", code)], tmp_path) as supervisor:
        with pytest.raises(BadConfig, match=r"^classify: model street9 is unknown$"):
            await supervisor.watch()


async def test_a_program_that_ignores_us_is_killed_in_time(tmp_path: Path) -> None:
    async with Supervisor([python("one", STUBBORN)], tmp_path, grace_s=0.2) as supervisor:
        await line_of(tmp_path / "one.log", 1)
        pid = supervisor.pids["one"]
    assert wait_gone(pid, timeout_s=0)
    assert supervisor.pids == {}


async def test_who_waits_to_be_started_again_has_no_process(tmp_path: Path) -> None:
    async with Supervisor([python("one", ENDS)], tmp_path) as supervisor:
        async with asyncio.timeout(10):
            while not supervisor.endings:  # noqa: ASYNC110  # another process ends
                await asyncio.sleep(0)
        assert supervisor.pids == {}

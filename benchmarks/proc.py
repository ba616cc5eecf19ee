"""What processes take: CPU time and memory, by the kernel's word."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.process import children
from deploy.local.stack import LocalStack

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def servers(stack: LocalStack) -> dict[str, int]:
    """Process ids of the servers that run."""
    run = stack.addresses.secrets.parent / "run"
    files = [run / f"{name}.pid" for name in ("mosquitto", "kafka", "postgres")]
    return {
        file.stem: int(json.loads(file.read_text(encoding="utf-8"))["pid"])
        for file in files
        if file.exists()
    }


def family(pid: int) -> Sequence[int]:
    """A process, and those that it has started."""
    return pid, *children(pid)


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, s."""
    return _ticks(pid, 2) / _TICKS_PER_S


def family_cpu_s(pid: int) -> float:
    """CPU time of a process, of its children, and of those that have ended, s."""
    spent_s = _ticks(pid, 4) / _TICKS_PER_S
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended just now
            spent_s += cpu_s(child)
    return spent_s


def family_mb(pid: int) -> float:
    """Memory of a process and its children, what they share counted once, MB."""
    return sum(map(_share_mb, family(pid)))


def spent_by(command: Sequence[str]) -> float:
    """CPU time of a command, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def importing(module: str) -> list[str]:
    """Command line that imports a module and nothing else."""
    return [sys.executable, "-c", f"import {module}"]


def _ticks(pid: int, fields: int) -> int:
    """Own time in user and system mode, then that of children who have ended; proc(5)."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, stat[11 : 11 + fields]))


def _share_mb(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0

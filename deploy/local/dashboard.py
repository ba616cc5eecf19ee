"""The dashboard alone, for tests and benchmarks."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from deploy.local import programs
from deploy.local.ports import HOST, free_port
from deploy.local.process import tied
from deploy.local.stack import Addresses
from schemas.errors import Unavailable

_ASK_EVERY_S: Final = 0.2


@contextmanager
def served(addresses: Addresses) -> Iterator[str]:
    """Serve the dashboard on the database of a stack; yield its address.

    Raises
    ------
    Unavailable
        If it does not start.
    """
    port = free_port()
    address = f"http://{HOST}:{port}"
    program = programs.dashboard(addresses, port)
    process = subprocess.Popen(
        [*tied(signal.SIGTERM), *program.command],
        env={**os.environ, **program.environment},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(f"{address}/_stcore/health"):
            if process.poll() is not None:
                raise Unavailable("the dashboard ended at its start")
            time.sleep(_ASK_EVERY_S)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=1) as answer:  # noqa: S310  # our own
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False

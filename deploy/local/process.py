"""One server as a process of our own: started, waited for, stopped by its own process id."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from schemas.errors import BadConfig, Unavailable

_GIVE_UP_ON_LEFTOVER_S = 3.0
_ASK_EVERY_S = 0.05

Launcher = Callable[[signal.Signals], Sequence[str]]
"""What to put before a server's command, given the signal that stops the server."""


def tied(stop_signal: signal.Signals) -> Sequence[str]:
    """Let the kernel stop the server when the thread that started it ends, however it ends."""
    return ("setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG"), "--")


def detached(_: signal.Signals) -> Sequence[str]:
    """Let the server outlive us."""
    return ()


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one with the same id."""

    pid: int
    birth: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return birth_of(self.pid) == self.birth


class Server(Protocol):
    """What Mosquitto, Kafka and PostgreSQL have in common."""

    @property
    def running(self) -> bool:
        """Whether the process is there."""

    def launch(self) -> None:
        """Start the process and return at once."""

    def wait_ready(self) -> None:
        """Return when the server answers its clients."""

    def start(self) -> None:
        """Launch and wait."""

    def stop(self) -> None:
        """Stop orderly; kill after a while."""

    def kill(self) -> None:
        """Stop as a crash would."""


def birth_of(pid: int) -> str | None:
    """Return when a process began, in a form unique across reboots; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def wait_gone(pid: int, timeout_s: float) -> bool:
    """Wait for any process, child or not, to end; return whether it did."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


class Daemon:
    """A process with a pid file and a log.

    Parameters
    ----------
    name : str
        Names the pid file, the log and the error messages.
    folder : Path
        The stack's folder; `run/NAME.pid` and `log/NAME.log` are made below it.
    launcher : Launcher
        `tied` or `detached`.
    stop_signal : signal.Signals
        What asks this server for an orderly stop.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        launcher: Launcher,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._name = name
        self._launcher = launcher
        self._pid_file = folder / "run" / f"{name}.pid"
        self._log = folder / "log" / f"{name}.log"
        self._stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def identity(self) -> Identity | None:
        """The running process, ours or one left by an earlier command; None when it is gone."""
        try:
            identity = Identity(**json.loads(self._pid_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return identity if identity.alive() else None

    def refuse_second(self) -> None:
        """Data belong to one process at a time; one that is just ending is waited for."""
        leftover = self.identity
        if leftover is not None and not wait_gone(leftover.pid, _GIVE_UP_ON_LEFTOVER_S):
            raise BadConfig(
                f"{self._name} already runs on these data (process {leftover.pid}): "
                "stop it with `python -m deploy.local down`"
            )

    def launch(self, command: Sequence[str], as_user: Sequence[str] = ()) -> None:
        """Start the command, with what makes it another user's before it, if anything does."""
        for path in (self._pid_file, self._log):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                # in this order: to become another user unties the process
                [*as_user, *self._launcher(self._stop_signal), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                umask=0o077,
                start_new_session=True,  # Ctrl-C is for us; we stop the servers in order
            )
        birth = birth_of(self._child.pid)
        if birth is not None:
            record = json.dumps(asdict(Identity(self._child.pid, birth)))
            self._pid_file.write_text(record, encoding="utf-8")

    def wait_ready(self, answers: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Ask until the server answers; notice at once when it ends instead."""
        deadline = time.monotonic() + timeout_s
        while not answers():
            identity = self.identity
            if identity is None or wait_gone(identity.pid, _ASK_EVERY_S):
                self._reap()
                raise Unavailable(f"{self._name} ended at its start: {self.last_words()}")
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{self._name} does not answer after {timeout_s:g} s: {self._log}"
                )

    def stop(self, timeout_s: float = 15.0) -> None:
        """Ask the process to stop; kill it when it does not."""
        identity = self.identity
        if identity is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, self._stop_signal)
            if not wait_gone(identity.pid, timeout_s):
                self.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL the process and its children, as a crash of the machine would."""
        identity = self.identity
        if identity is not None:
            for pid in (identity.pid, *children(identity.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                wait_gone(pid, _GIVE_UP_ON_LEFTOVER_S)
        self._reap()

    def last_words(self) -> str:
        """Return the last line of the log."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            lines = []
        return next((line for line in reversed(lines) if line.strip()), "no log")

    def _reap(self) -> None:
        if self._child is not None:
            self._child.wait()
        self._child = None
        self._pid_file.unlink(missing_ok=True)


def children(pid: int) -> list[int]:
    """Processes that a process has started; none once it is gone."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listed.split()]

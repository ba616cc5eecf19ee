"""Who else folds windows: how each is started, and killed. Used by `benchmarks.window_peers`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from benchmarks import proc, stage
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program

SOURCE: Final = "peer-batches"
TARGET: Final = "peer-windows"
PEERS: Final = Path(".local/peers/bin/python")
"""Made by `make peers`."""

HERE: Final = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Peer:
    """A worker that tells its windows in a topic; `imports`: a command that only imports it."""

    name: str
    imports: Sequence[str]
    command: Callable[[LocalStack], Sequence[str]]
    environment: Callable[[LocalStack], Mapping[str, str]] = lambda _: {}


class Worker:
    """A program that is killed whenever that is due, and started again.

    `due`: how much is done then; `kills`: how many there were; `imports`: a command that does
    nothing else.
    """

    def __init__(
        self, program: Program, log: Path, due: Iterable[float], imports: Sequence[str]
    ) -> None:
        self.kills = 0
        self._spent_s: list[float] = []
        self._program = program
        self._log = log
        self._due = list(due)
        self._imports = imports

    async def __aenter__(self) -> Self:
        self._running = AsyncExitStack()
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def seen(self, done: int) -> None:
        """Note what it has taken; kill it if so much is done that it is due."""
        if self._process.returncode is None:
            self._spent_s[-1] = proc.cpu_s(self._process.pid)
        if self._due and done >= self._due[0]:
            self._due.pop(0)
            self._process.kill()
            await self._process.wait()
            self.kills += 1
            await self._start()

    def work_s(self) -> float:
        """CPU time of all its processes, without what their imports take."""
        imports_s = proc.spent_by(self._imports)
        return sum(max(0.0, spent_s - imports_s) for spent_s in self._spent_s)

    async def _start(self) -> None:
        running = stage.program(self._program.command, self._program.environment, self._log)
        self._process = await self._running.enter_async_context(running)
        self._spent_s.append(0.0)


def peers() -> Iterator[Peer]:
    """All that are installed."""

    def faust(stack: LocalStack) -> Sequence[str]:
        where = [stack.addresses.kafka_bootstrap, SOURCE, TARGET, str(folder_of(stack, "faust"))]
        return stage.python("benchmarks.peers.faust_windows", *where)

    def quix(guarantee: str) -> Callable[[LocalStack], Sequence[str]]:
        def command(stack: LocalStack) -> Sequence[str]:
            where = [stack.addresses.kafka_bootstrap, SOURCE, TARGET, str(folder_of(stack, "quix"))]
            return [str(PEERS), str(HERE / "quix_windows.py"), *where, guarantee]

        return command

    def bytewax(stack: LocalStack) -> Sequence[str]:
        kept = str(folder_of(stack, "bytewax"))
        return [str(PEERS), "-m", "bytewax.run", "-r", kept, "-s", "5", "-b", "0",
                str(HERE / "bytewax_windows.py") + ":flow"]  # fmt: skip

    def bytewax_names(stack: LocalStack) -> Mapping[str, str]:
        return {
            "PEER_BOOTSTRAP": stack.addresses.kafka_bootstrap,
            "PEER_SOURCE": SOURCE,
            "PEER_TARGET": TARGET,
        }

    yield Peer("faust, windowed table", proc.importing("faust"), faust)
    if PEERS.exists():
        imports = [str(PEERS), "-c", "import quixstreams"]
        yield Peer("quixstreams, at least once", imports, quix("at-least-once"))
        yield Peer("quixstreams, exactly once", imports, quix("exactly-once"))
        imports = [str(PEERS), "-c", "import bytewax.run, bytewax.connectors.kafka"]
        yield Peer("bytewax, SQLite recovery", imports, bytewax, bytewax_names)


def folder_of(stack: LocalStack, name: str) -> Path:
    """Where a worker keeps its state."""
    folder = stack.addresses.secrets.parent / name
    folder.mkdir(exist_ok=True)
    return folder

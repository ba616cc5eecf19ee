"""Who else folds windows: how each is started. Used by `benchmarks.window_peers`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import proc, stage
from deploy.local.stack import LocalStack

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

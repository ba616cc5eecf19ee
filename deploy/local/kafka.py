"""A private Apache Kafka: one node, broker and controller in one process."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from deploy.local.kafka_jars import kafka_jars
from deploy.local.ports import HOST, require_free, settled
from deploy.local.probes import kafka_answers
from deploy.local.process import Daemon, Launcher, tied
from deploy.local.requirements import JAVA, require
from schemas.errors import Unavailable

BASE = Path(__file__).parents[1] / "kafka"
_MEMORY = ("-Xms384m", "-Xmx512m", "-XX:+UseSerialGC")


def escaped(path: Path) -> str:
    r"""Write a path as Java's properties have it, whose files are Latin-1.

    Examples
    --------
    >>> print(escaped(Path("/srv/Lärm\\dB 🎧")))
    /srv/L\u00e4rm\\dB \ud83c\udfa7
    """
    return "".join(_letter(letter) for letter in str(path))


def _letter(letter: str) -> str:
    if letter == "\\":
        return r"\\"
    if letter.isascii():
        return letter
    utf_16 = letter.encode("utf-16-be")
    return "".join(f"\\u{utf_16[n : n + 2].hex()}" for n in range(0, len(utf_16), 2))


class Kafka:
    """Apache Kafka on loopback.

    Parameters
    ----------
    folder : Path
        The stack's folder: data in `kafka/data`.
    port, controller_port : int
        0 for any free one; kept over restarts.
    jars : Path, optional
        Cache of the jars, by default `kafka/` in the stack's folder; shared by tests.
    launcher : Launcher
        Whether the process ends with us.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        controller_port: int = 0,
        jars: Path | None = None,
        launcher: Launcher = tied,
    ) -> None:
        self.port = settled(port)
        self._controller_port = settled(controller_port)
        self._folder = folder / "kafka"
        self._jars = jars or self._folder
        self._daemon = Daemon("kafka", folder, launcher)

    @property
    def bootstrap(self) -> str:
        """What a client needs to find the broker."""
        return f"{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._daemon.identity is not None

    def launch(self) -> None:
        """Start the process and return at once; format the data folder the first time."""
        self._daemon.refuse_second()
        require_free(self.port, "Kafka")
        require_free(self._controller_port, "Kafka's controller")
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "server.properties").write_text(self._properties(), encoding="ascii")
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        self._daemon.launch(self._java(*_MEMORY, "kafka.Kafka", self._properties_file))

    def wait_ready(self) -> None:
        """Return when Kafka answers Metadata; an open port is not enough."""
        self._daemon.wait_ready(self._answers)

    def start(self) -> None:
        """Launch and wait."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop orderly; kill after a while."""
        self._daemon.stop()

    def kill(self) -> None:
        """Stop as a crash would."""
        self._daemon.kill()

    @property
    def _properties_file(self) -> str:
        return str(self._folder / "server.properties")

    def _answers(self) -> bool:
        return kafka_answers(HOST, self.port)

    def _doors(self) -> Sequence[str]:
        """Lines that say where clients and nodes enter."""
        return [
            f"listeners=PLAINTEXT://{self.bootstrap},CONTROLLER://{self._controller}",
            f"advertised.listeners=PLAINTEXT://{self.bootstrap}",
        ]

    def _first_users(self) -> Sequence[str]:
        """Arguments of `format`: who may log in to the new, empty Kafka."""
        return ()

    @property
    def _controller(self) -> str:
        return f"{HOST}:{self._controller_port}"

    def _properties(self) -> str:
        added = [
            *self._doors(),
            f"controller.quorum.voters=1@{self._controller}",
            f"log.dirs={escaped(self._folder / 'data')}",
        ]
        base = (BASE / "server.properties").read_text(encoding="utf-8")
        return "\n".join([base, *added, ""])

    def _java(self, *arguments: str) -> list[str]:
        classpath = str(kafka_jars(self._jars) / "*")
        logging = f"-Dlog4j2.configurationFile={BASE / 'log4j2.properties'}"
        return [str(require(JAVA)), "-cp", classpath, logging, *arguments]

    def _format(self) -> None:
        """Give the data folder a cluster id, which it keeps."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = self._java(
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "kafka.tools.StorageTool", "format"),
            # one argument, since an id may begin with a dash
            *("--ignore-formatted", f"--cluster-id={cluster}", "--config", self._properties_file),
            *self._first_users(),
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Unavailable(f"Kafka could not format its folder: {said[-1] if said else '?'}")

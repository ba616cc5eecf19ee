"""The servers as their containers would start them: the mounted files, scripts and commands.

A container's paths lie below a folder of the test, and its ports are free ones; nothing else
differs.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from cityhum import authority
from deploy.local import postgres_home
from deploy.local.kafka_jars import kafka_jars
from deploy.local.ports import HOST, free_port
from deploy.local.probes import kafka_answers, kafka_speaks, mqtt_accepts
from deploy.local.requirements import JAVA, MOSQUITTO, NODE_EXPORTER, POSTGRES, require
from deploy.local.secure import Certificates
from tests.compose import CITY, DEMO, ROOT, Service, mounted, project
from tests.servers import JARS

PATHS: Final = re.compile(
    r"(?<![\w/])/(etc/cityhum|run/secrets|opt/kafka|tmp|mosquitto/data|var/lib/\w+/data)\b"
)
PORTS: Final = re.compile(r"\b(1883|8883|8884|9092|9093|9094|9095|9100)\b")
READY_WITHIN_S: Final = 60
LOOK_EVERY_S: Final = 0.2
KAFKA: Final = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make secrets` and `cityhum certificates` make."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run(
        [sys.executable, "-m", "deploy.local", "secrets"],
        env={**os.environ, "CITYHUM_LOCAL_FOLDER": str(folder)},
        cwd=ROOT,
        check=True,
    )
    certificates = Certificates(folder)
    authority.issue(certificates.folder, ["localhost", HOST, "kafka"], datetime.now(UTC))
    return folder / "secrets"


class Box:
    """A service's files below a folder, as its container has them."""

    def __init__(self, files: tuple[str, ...], name: str, secrets: Path, root: Path) -> None:
        whole = project(files, CITYHUM_SECRETS=str(secrets))
        self.service: Service = whole["services"][name]
        self.root = root
        self.ports: dict[str, int] = {}
        for target, source in mounted(self.service).items():
            if source.is_dir():
                shutil.copytree(source, self.path(target))
            else:
                self.write(target, self.ours(source.read_text(encoding="utf-8")))
        for one in self.service.get("secrets", []):
            source = Path(whole["secrets"][one["source"]]["file"])
            self.write(one["target"], source.read_text(encoding="utf-8"))

    def path(self, target: str) -> Path:
        return self.root / target.lstrip("/")

    def write(self, target: str, text: str) -> Path:
        path = self.path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def ours(self, text: str) -> str:
        moved = PATHS.sub(lambda found: f"{self.root}{found[0]}", text)
        return PORTS.sub(lambda found: str(self.port(found[0])), moved)

    def port(self, theirs: str) -> int:
        return self.ports.setdefault(theirs, free_port())

    def words(self, words: list[str]) -> list[str]:
        return [self.ours(word) for word in words]

    def healthy(self) -> bool:
        _, *command = self.words(self.service["healthcheck"]["test"])
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def started(command: list[str], log: Path, answers: Callable[[], bool]) -> Iterator[None]:
    with log.open("wb") as words:
        process = subprocess.Popen(command, stdout=words, stderr=words)
    try:
        until_s = time.monotonic() + READY_WITHIN_S
        while not answers():
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_S)
            late = process.returncode is not None or time.monotonic() > until_s
            assert not late, log.read_text(encoding="utf-8")[-2000:]
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(("files", "port"), [(DEMO, "1883"), (CITY, "8884")], ids=["demo", "city"])
def test_mosquitto_lets_its_users_in(
    files: tuple[str, ...], port: str, secrets: Path, tmp_path: Path
) -> None:
    require(MOSQUITTO)
    box = Box(files, "mosquitto", secrets, tmp_path)
    box.path("/mosquitto/data").mkdir(parents=True)
    with box.path("/etc/cityhum/mosquitto.conf").open("a") as more:
        more.write("user root\n")  # a container's is none: only root would be changed to another
    password = (secrets / "mqtt" / "viewer").read_text(encoding="utf-8").strip()
    tls = Certificates(secrets.parent).context() if files == CITY else None

    def lets_in(word: str) -> bool:
        return mqtt_accepts(HOST, box.port(port), "viewer", word, tls)

    with started(box.words(box.service["command"]), tmp_path / "log", lambda: lets_in(password)):
        assert not lets_in("wrong")


@pytest.mark.parametrize(("files", "port"), [(DEMO, "9092"), (CITY, "9094")], ids=["demo", "city"])
def test_kafka_s_script_formats_its_disk_once_and_starts_it(
    files: tuple[str, ...], port: str, secrets: Path, tmp_path: Path
) -> None:
    box = Box(files, "kafka", secrets, tmp_path)
    for folder in ("/var/lib/kafka/data", "/tmp"):  # noqa: S108  # the container's
        box.path(folder).mkdir(parents=True)
    for script, program in KAFKA.items():
        java = f'exec {require(JAVA)} -Xmx512m -cp "{kafka_jars(JARS)}/*" {program} "$@"'
        box.write(f"/opt/kafka/bin/{script}", f"#!/bin/sh\n{java}\n").chmod(0o755)
    tls = Certificates(secrets.parent).context()

    def answers() -> bool:
        if files == CITY:
            return kafka_speaks(HOST, box.port(port), tls)
        return kafka_answers(HOST, box.port(port))

    assert not box.healthy()
    for again in (False, True):
        with started(box.words(box.service["entrypoint"]), tmp_path / "log", answers):
            assert box.healthy()
            if files == CITY and again:
                knows_users_that_came_later(box)


def knows_users_that_came_later(box: Box) -> None:
    """An upgrade brings users; a disk that is formatted has passwords of the first ones only."""
    with box.path("/run/secrets/kafka_users").open("a") as words:
        words.write("--add-scram\nSCRAM-SHA-512=[name=later,password=a-word]\n")
    script = box.path("/etc/cityhum/container-users.sh")
    given = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert given.returncode == 0, given.stderr + given.stdout
    assert not box.path("/tmp/login.properties").exists()  # noqa: S108  # the container's
    server = f"127.0.0.1:{box.port('9095')}"
    login = str(box.path("/tmp/node.properties"))  # noqa: S108
    configs = str(box.path("/opt/kafka/bin/kafka-configs.sh"))
    command = [configs, "--bootstrap-server", server, "--command-config", login]
    described = [*command, "--describe", "--entity-type", "users", "--entity-name", "later"]
    said = subprocess.run(described, capture_output=True, text=True, check=True).stdout
    assert "SCRAM-SHA-512" in said
    told = subprocess.run(["bash", script], capture_output=True, text=True, check=True).stdout
    assert not told, "all are known"


def test_node_exporter_tells_how_full_disks_are(secrets: Path, tmp_path: Path) -> None:
    box = Box(DEMO, "node-exporter", secrets, tmp_path)
    url = f"http://{HOST}:{box.port('9100')}/metrics"

    def shown() -> set[str]:
        try:
            return set(re.findall(r"^(node_\w+)\{", httpx.get(url).text, flags=re.MULTILINE))
        except httpx.TransportError:
            return set()

    command = [str(require(NODE_EXPORTER)), *box.words(box.service["command"])]
    with started(command, tmp_path / "log", lambda: bool(shown())):
        assert shown() >= {"node_filesystem_avail_bytes", "node_filesystem_size_bytes"}


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Path]:
    """A folder in which PostgreSQL can be started as its own user."""
    place = tmp_path / "postgres"
    yield postgres_home.home(place)
    postgres_home.remove(place)


@pytest.mark.parametrize("files", [DEMO, CITY], ids=["demo", "city"])
def test_postgresql_s_script_makes_the_roles(
    files: tuple[str, ...], secrets: Path, reachable: Path, tmp_path: Path
) -> None:
    box = Box(files, "postgres", secrets, reachable)
    data, given = box.path("/var/lib/postgresql/data"), box.service["environment"]
    data.parent.mkdir(parents=True, exist_ok=True)
    for path in reachable.rglob("*"):
        postgres_home.give_away(path)
    programs, as_server = require(POSTGRES), list(postgres_home.as_server())
    word = box.path(given["POSTGRES_PASSWORD_FILE"])
    initdb = [str(programs / "initdb"), "-D", str(data), "--username=postgres"]
    options = [*shlex.split(given["POSTGRES_INITDB_ARGS"]), f"--pwfile={word}"]
    subprocess.run([*as_server, *initdb, *options], cwd="/", capture_output=True, check=True)
    postgres_port = free_port()
    place = [f"--port={postgres_port}", f"--unix_socket_directories={reachable}"]
    more = box.words((box.service.get("command") or ["postgres"])[1:])
    command = [*as_server, str(programs / "postgres"), "-D", str(data), *more, *place]

    def answers() -> bool:
        asked = [str(programs / "pg_isready"), "-h", HOST, "-p", str(postgres_port), "-q"]
        return subprocess.run(asked, check=False).returncode == 0

    with started(command, tmp_path / "log", answers):
        there: Mapping[str, str] = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(reachable),
            "PGPORT": str(postgres_port),
        }
        script = ["bash", str(box.path("/docker-entrypoint-initdb.d/10-roles.sh"))]
        for _ in ("an empty disk", "after an upgrade"):
            subprocess.run(script, env=there, capture_output=True, check=True)
        login = {"host": HOST, "port": postgres_port, "dbname": "cityhum", "user": "cityhum_relay"}
        login |= {"password": (secrets / "postgres/cityhum_relay").read_text().strip()}
        ca = str(secrets / "tls" / "ca.crt")
        by_tls = {"sslmode": "verify-full", "sslrootcert": ca} if files == CITY else {}
        psycopg.connect(**login, **by_tls).close()  # type: ignore[arg-type]
        if files == CITY:
            with pytest.raises(psycopg.OperationalError, match="no encryption"):
                psycopg.connect(**login, sslmode="disable")  # type: ignore[arg-type]

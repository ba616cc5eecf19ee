"""The three servers together, and what their clients need to know."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from deploy.local.ports import HOST, Ports
from deploy.local.postgres import DATABASE, Postgres
from deploy.local.process import Launcher, Server, tied


@dataclass(frozen=True)
class Addresses:
    """Where the servers are and who may enter; no password, only the files that hold them."""

    mqtt_host: str
    mqtt_port: int
    kafka_bootstrap: str
    postgres_host: str
    postgres_port: int
    postgres_db: str
    secrets: Path

    def environment(
        self, mqtt_user: str | None = "bridge", postgres_role: str | None = "cityhum_reader"
    ) -> Mapping[str, str]:
        """Return the `CITYHUM_` variables of a program that logs in as these; None: not there."""
        found = {**self.device_environment(), "CITYHUM_KAFKA_BOOTSTRAP": self.kafka_bootstrap}
        if mqtt_user:
            found |= {
                "CITYHUM_MQTT_USER": mqtt_user,
                "CITYHUM_MQTT_PASSWORD_FILE": str(self.secrets / "mqtt" / mqtt_user),
            }
        if postgres_role:
            found |= {
                "CITYHUM_POSTGRES_HOST": self.postgres_host,
                "CITYHUM_POSTGRES_PORT": str(self.postgres_port),
                "CITYHUM_POSTGRES_DB": self.postgres_db,
                "CITYHUM_POSTGRES_USER": postgres_role,
                "CITYHUM_POSTGRES_PASSWORD_FILE": str(self.secrets / "postgres" / postgres_role),
            }
        return found

    def by_server(self) -> Mapping[str, str]:
        """Return each server's address, for people."""
        return {
            "kafka": self.kafka_bootstrap,
            "postgres": f"{self.postgres_host}:{self.postgres_port}/{self.postgres_db}",
            "mosquitto": f"{self.mqtt_host}:{self.mqtt_port}",
        }

    def device_environment(self) -> Mapping[str, str]:
        """Return the `CITYHUM_` variables of the simulator, which plays all devices."""
        return {
            "CITYHUM_MQTT_HOST": self.mqtt_host,
            "CITYHUM_MQTT_PORT": str(self.mqtt_port),
            "CITYHUM_MQTT_PASSWORDS_FOLDER": str(self.secrets / "devices"),
        }


class LocalStack:
    """Mosquitto, Kafka and PostgreSQL in one folder; a context manager that stops what it started.

    Start it from the main thread: with the launcher `tied`, servers end with the thread that
    started them.

    Parameters
    ----------
    folder : Path
        Data, passwords, logs and pid files; a second start on it keeps the data.
    ports : Ports, optional
        By default any free ones.
    devices : iterable of str
        Ids of the devices that may log in at Mosquitto.
    jars : Path, optional
        Cache of Kafka's jars, by default in the folder.
    launcher : Launcher
        `tied` or `detached` (process.py).
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports | None = None,
        *,
        devices: Iterable[str] = (),
        jars: Path | None = None,
        launcher: Launcher = tied,
    ) -> None:
        self._folder = folder = folder.resolve()
        ports = ports or Ports()
        self.mosquitto = Mosquitto(folder, ports.mqtt, devices, launcher)
        self.kafka = Kafka(folder, ports.kafka, ports.kafka_controller, jars, launcher)
        self.postgres = Postgres(folder, ports.postgres, launcher)

    @property
    def servers(self) -> Mapping[str, Server]:
        """The servers by name, slowest to start first."""
        return {"kafka": self.kafka, "postgres": self.postgres, "mosquitto": self.mosquitto}

    @property
    def addresses(self) -> Addresses:
        """Where clients find the servers."""
        return Addresses(
            mqtt_host=HOST,
            mqtt_port=self.mosquitto.port,
            kafka_bootstrap=self.kafka.bootstrap,
            postgres_host=HOST,
            postgres_port=self.postgres.port,
            postgres_db=DATABASE,
            secrets=self._folder / "secrets",
        )

    def start(self) -> None:
        """Start all servers side by side and wait until each answers."""
        launched: list[Server] = []
        try:
            for server in self.servers.values():
                server.launch()
                launched.append(server)
            for server in launched:
                server.wait_ready()
        except BaseException:
            for server in reversed(launched):  # not those that another process has started
                server.stop()
            raise
        write_addresses(self._folder, self.addresses)

    def stop(self) -> None:
        """Stop all servers, clients' side first."""
        for server in reversed(list(self.servers.values())):
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def write_addresses(folder: Path, addresses: Addresses) -> None:
    """Leave the addresses for later commands on the same folder."""
    record = {**asdict(addresses), "secrets": str(addresses.secrets)}
    (folder / "run" / "addresses.json").write_text(json.dumps(record), encoding="utf-8")


def read_addresses(folder: Path) -> Addresses | None:
    """Return the addresses of the stack last started in a folder; None if there was none."""
    try:
        record = json.loads((folder / "run" / "addresses.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Addresses(**{**record, "secrets": Path(record["secrets"])})

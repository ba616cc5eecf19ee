"""The servers as a city runs them, on loopback, and the programs with a login each."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local import secure
from deploy.local.ports import HOST
from deploy.local.programs import access_table
from deploy.local.supervise import Program
from processors.access import grants
from processors.adapters import kafka, kafka_access, migrations, site_tables
from processors.registry import parse as parse_sites
from processors.settings import ProcessorSettings
from processors.topic_plan import parse as parse_topics
from schemas.adapters import text_file
from schemas.base import SiteId

ROOT: Final = Path(__file__).parents[1]
SITE: Final[SiteId] = "harbour"
DEVICES: Final = ("pole-01", "pole-02")
PROGRAMS: Final = ("classify", "windows", "alerts", "archive", "relay")
_CITYHUM: Final = (sys.executable, "-m", "cityhum")


class SecureStack:
    """Mosquitto, Kafka and PostgreSQL with TLS and logins; a context manager.

    Start it from the main thread: the servers end with the thread that started them.
    """

    def __init__(self, folder: Path, jars: Path) -> None:
        self.folder = folder.resolve()
        self.secrets = self.folder / "secrets"
        self.mosquitto = secure.Mosquitto(self.folder, DEVICES)
        self.kafka = secure.Kafka(self.folder, jars)
        self.postgres = secure.Postgres(self.folder)
        self.certificates = secure.Certificates(self.folder)

    def __enter__(self) -> Self:
        try:
            for server in self._servers:
                server.launch()
            for server in self._servers:
                server.wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    async def prepare(self) -> None:
        """Access list, topics, tables, sites: what an operator does first."""
        admin = self.settings(kafka="admin", postgres="cityhum_owner")
        await kafka_access.apply(admin, grants(access_table().kafka))
        await kafka.create_topics(
            admin, parse_topics(text_file.read(ROOT / "deploy" / "kafka" / "topics.yaml"))
        )
        migrations.upgrade(admin)
        sites = parse_sites(text_file.read(ROOT / "deploy" / "sites.yaml"))
        site_tables.load(admin, sites, [])

    def environment(
        self, mqtt: str | None = None, kafka: str | None = None, postgres: str | None = None
    ) -> Mapping[str, str]:
        """Variables of a program with these users; of a server without a user it learns nothing."""
        authority = str(self.certificates.authority)
        found: dict[str, str] = {}
        if mqtt:
            found |= {
                "CITYHUM_MQTT_HOST": HOST,
                "CITYHUM_MQTT_PORT": str(self.mosquitto.services_port),
                "CITYHUM_MQTT_CA": authority,
                "CITYHUM_MQTT_USER": mqtt,
                "CITYHUM_MQTT_PASSWORD_FILE": str(self.mosquitto.password_file(mqtt)),
            }
        if kafka:
            found |= {
                "CITYHUM_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
                "CITYHUM_KAFKA_CA": authority,
                "CITYHUM_KAFKA_USER": kafka,
                "CITYHUM_KAFKA_PASSWORD_FILE": str(self.kafka.password_file(kafka)),
            }
        if postgres:
            found |= {
                "CITYHUM_POSTGRES_HOST": HOST,
                "CITYHUM_POSTGRES_PORT": str(self.postgres.port),
                "CITYHUM_POSTGRES_CA": authority,
                "CITYHUM_POSTGRES_USER": postgres,
                "CITYHUM_POSTGRES_PASSWORD_FILE": str(self.postgres.password_file(postgres)),
            }
        return found

    def settings(self, **users: str) -> ProcessorSettings:
        """Settings of a program with these users; see `environment`."""
        prefix = "CITYHUM_"
        variables = self.environment(**users).items()
        return ProcessorSettings.model_validate(
            {name.removeprefix(prefix).lower(): value for name, value in variables}
        )

    def programs(self) -> list[Program]:
        """Bridge, processors and two simulated devices, each with its own users."""
        devices = {
            "CITYHUM_MQTT_HOST": HOST,
            "CITYHUM_MQTT_PORT": str(self.mosquitto.port),
            "CITYHUM_MQTT_CA": str(self.certificates.authority),
            "CITYHUM_MQTT_PASSWORDS_FOLDER": str(self.mosquitto.device_passwords),
        }
        simulate = ["simulate", "--devices", str(len(DEVICES)), "--seed", "7"]
        state = ["--state", str(self.folder / "simulate")]
        return [
            Program("bridge", [*_CITYHUM, "bridge"], self._least("bridge")),
            *(Program(name, [*_CITYHUM, "work", name], self._least(name)) for name in PROGRAMS),
            Program("simulate", [*_CITYHUM, *simulate, *state], devices),
        ]

    def _least(self, program: str) -> Mapping[str, str]:
        users = access_table().programs[program]
        return self.environment(users.mqtt, users.kafka, users.postgres)

    @property
    def _servers(self) -> tuple[secure.Kafka, secure.Postgres, secure.Mosquitto]:
        return (self.kafka, self.postgres, self.mosquitto)

    def _stop(self) -> None:
        for server in reversed(self._servers):
            server.stop()
        self.postgres.remove()

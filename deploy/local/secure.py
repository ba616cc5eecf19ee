"""The servers as a city runs them, on loopback: TLS, logins everywhere, Kafka with access lists.

They read the files that a city's servers read (production.conf, production.properties,
pg_hba.conf); only ports and folders are others.
"""

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cityhum import authority
from cityhum.secret_files import private_folder, replace_text, write_private
from deploy.local import kafka, mosquitto, postgres, postgres_home
from deploy.local.passwords import Passwords, scram_arguments
from deploy.local.ports import HOST, free_port, require_free
from deploy.local.probes import kafka_speaks, mqtt_accepts
from deploy.local.process import Launcher, tied

KAFKA_USERS: Final = (
    "admin",
    "bridge",
    "classify",
    "windows",
    "alerts",
    "archive",
    "relay",
    "notify",
    "replay",
)
_TLS: Final = "/etc/cityhum/tls/"
_DEVICES_PORT, _SERVICES_PORT = "listener 8883", "listener 8884"
_SETTING: Final = re.compile(r"^(\w+) = '?([^']*)'?$", re.MULTILINE)


class Certificates:
    """Of one installation on loopback, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "secrets" / "tls"
        self.authority = self.folder / "ca.crt"

    def make(self) -> None:
        """Make them if there are none."""
        if not self.authority.exists():
            authority.issue(self.folder, ["localhost", HOST], datetime.now(UTC))

    def context(self) -> ssl.SSLContext:
        """Return what a client needs to believe them."""
        return ssl.create_default_context(cafile=str(self.authority))


class Mosquitto(mosquitto.Mosquitto):
    """Devices enter at `port`, services at `services_port`; both by TLS only."""

    def __init__(
        self, folder: Path, devices: Iterable[str] = (), launcher: Launcher = tied
    ) -> None:
        super().__init__(folder, 0, devices, launcher)
        self.certificates = Certificates(folder)
        self.services_port = free_port()

    def launch(self) -> None:
        """Start the process and return at once."""
        self.certificates.make()
        require_free(self.services_port, "Mosquitto's services")
        super().launch()

    def _accepts(self, user: str, password: str) -> bool:
        tls = self.certificates.context()
        return mqtt_accepts(HOST, self.services_port, user, password, tls)

    def _doors(self) -> Sequence[str]:
        text = (mosquitto.BASE / "production.conf").read_text(encoding="utf-8")
        ours = {
            _DEVICES_PORT: f"listener {self.port} {HOST}",
            _SERVICES_PORT: f"listener {self.services_port} {HOST}",
            _TLS: f"{self.certificates.folder}/",
            "/etc/cityhum/mosquitto/passwords": str(self._users.hashes),
            "/etc/cityhum/mosquitto.acl": str(mosquitto.BASE / "acl"),
        }
        return [_replaced(text, ours)]


class Kafka(kafka.Kafka):
    """Clients log in by SCRAM over TLS; `admin` may do everything, others what they are granted."""

    def __init__(self, folder: Path, jars: Path | None = None, launcher: Launcher = tied) -> None:
        super().__init__(folder, jars=jars, launcher=launcher)
        self.certificates = Certificates(folder)
        self._passwords = Passwords(folder / "secrets" / "kafka")
        self._nodes_port = free_port()

    def password_file(self, user: str) -> Path:
        """Return the password file of one of `KAFKA_USERS`."""
        return self._passwords.file(user)

    def launch(self) -> None:
        """Start the process and return at once; format the data folder the first time."""
        self.certificates.make()
        super().launch()

    def _answers(self) -> bool:
        return kafka_speaks(HOST, self.port, self.certificates.context())

    def _doors(self) -> Sequence[str]:
        text = (kafka.BASE / "production.properties").read_text(encoding="utf-8")
        nodes = f"NODES://{HOST}:{self._nodes_port}"
        return [
            _replaced(text, {_TLS: f"{kafka.escaped(self.certificates.folder)}/"}),
            f"listeners=CLIENTS://{self.bootstrap},{nodes},CONTROLLER://{self._controller}",
            f"advertised.listeners=CLIENTS://{self.bootstrap},{nodes}",
        ]

    def _first_users(self) -> Sequence[str]:
        """Name a file of arguments: a command line is for everybody to read."""
        words = self._folder / "users.arguments"
        write_private(words, scram_arguments(self._passwords, KAFKA_USERS))
        return (f"@{words}",)


class Postgres(postgres.Postgres):
    """Passwords by SCRAM, over TLS only."""

    def __init__(self, folder: Path, launcher: Launcher = tied) -> None:
        super().__init__(folder, launcher=launcher)
        self.certificates = Certificates(folder)

    def launch(self) -> None:
        """Start the process and return at once; make the data folder the first time."""
        self.certificates.make()
        super().launch()

    def conninfo(self, role: str, database: str = postgres.DATABASE) -> str:
        """Return libpq's connection string for a role; it names password and CA file."""
        authority = self.certificates.authority
        return f"{super().conninfo(role, database)} sslmode=verify-full sslrootcert='{authority}'"

    def _doors(self) -> Mapping[str, str]:
        place = postgres_home.home(self._place)
        private_folder(place / "tls")
        for name, mode in (("postgres.crt", 0o644), ("postgres.key", 0o600)):
            copy = place / "tls" / name
            text = (self.certificates.folder / name).read_text(encoding="utf-8")
            replace_text(copy, text, mode)
            postgres_home.give_away(copy)
        rules = place / "pg_hba.conf"
        replace_text(rules, (postgres.BASE / "pg_hba.conf").read_text(encoding="utf-8"), 0o600)
        for path in (place / "tls", rules):
            postgres_home.give_away(path)
        ours = {_TLS: f"{place}/tls/", "/etc/cityhum/pg_hba.conf": str(rules)}
        text = (postgres.BASE / "production.conf").read_text(encoding="utf-8")
        return dict(_SETTING.findall(_replaced(text, ours)))


def _replaced(text: str, ours: Mapping[str, str]) -> str:
    for theirs, our in ours.items():
        if theirs not in text:
            raise AssertionError(f"no {theirs} in the production file")
        text = text.replace(theirs, our)
    return text

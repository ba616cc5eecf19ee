"""A private Mosquitto."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local.passwords import MqttUsers
from deploy.local.ports import HOST, require_free, settled
from deploy.local.probes import mqtt_accepts
from deploy.local.process import Daemon, Launcher, tied
from deploy.local.requirements import MOSQUITTO, require

BASE = Path(__file__).parents[1] / "mosquitto"


class Mosquitto:
    """Mosquitto on loopback, with a user for each service and each device.

    Parameters
    ----------
    folder : Path
        The stack's folder: data in `mosquitto/`, passwords in `secrets/`.
    port : int
        0 for any free one; kept over restarts.
    devices : iterable of str
        Device ids that may log in; their passwords are generated at first.
    launcher : Launcher
        Whether the process ends with us.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        devices: Iterable[str] = (),
        launcher: Launcher = tied,
    ) -> None:
        self.host = HOST
        self.port = settled(port)
        self._folder = folder / "mosquitto"
        self._daemon = Daemon("mosquitto", folder, launcher)
        self._users = MqttUsers(folder / "secrets")
        self._devices = tuple(devices)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._daemon.identity is not None

    @property
    def pid(self) -> int | None:
        """Of the process, if it is there."""
        identity = self._daemon.identity
        return identity.pid if identity else None

    @property
    def device_passwords(self) -> Path:
        """The folder with a password file for each device."""
        return self._users.devices.folder

    def password_file(self, user: str) -> Path:
        """Return the password file of a service or device."""
        return self._users.file(user)

    def launch(self) -> None:
        """Start the process and return at once."""
        program = require(MOSQUITTO)
        self._daemon.refuse_second()
        require_free(self.port, "Mosquitto")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._users.generate(self._devices)
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        self._daemon.launch([str(program), "-c", str(configuration)])

    def wait_ready(self) -> None:
        """Return when Mosquitto lets a user in."""
        viewer = self._users.services.read("viewer")
        self._daemon.wait_ready(lambda: self._accepts("viewer", viewer))

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

    def _accepts(self, user: str, password: str) -> bool:
        return mqtt_accepts(self.host, self.port, user, password)

    def _doors(self) -> Sequence[str]:
        """Lines that say where clients enter and who may."""
        return [
            f"listener {self.port} {self.host}",
            f"password_file {self._users.hashes}",
            f"acl_file {BASE / 'acl'}",
        ]

    def _configuration(self) -> str:
        added = [
            *self._doors(),
            f"persistence_location {self._folder}/",
            "log_dest stderr",
            # as root Mosquitto would become a user who cannot reach a private folder
            "user root",
        ]
        base = (BASE / "mosquitto.conf").read_text(encoding="utf-8")
        return "\n".join([base, *added, ""])

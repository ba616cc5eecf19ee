"""A private Mosquitto."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from deploy.local.passwords import Passwords, write_private
from deploy.local.ports import HOST, require_free, settled
from deploy.local.probes import mqtt_accepts
from deploy.local.process import Daemon, Launcher, tied
from deploy.local.requirements import MOSQUITTO, find_program, require
from schemas.errors import BadConfig, Unavailable

_BASE = Path(__file__).parents[1] / "mosquitto"
SERVICES = ("bridge", "relay", "viewer")


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
        self._services = Passwords(folder / "secrets" / "mqtt")
        self._devices = Passwords(folder / "secrets" / "devices")
        self._wanted = tuple(devices)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._daemon.identity is not None

    @property
    def device_passwords(self) -> Path:
        """The folder with a password file for each device."""
        return self._devices.folder

    def password_file(self, user: str) -> Path:
        """Return the password file of a service or device; it must have been named before."""
        passwords = self._services if user in SERVICES else self._devices
        return passwords.folder / user

    def launch(self) -> None:
        """Start the process and return at once."""
        program = require(MOSQUITTO)
        self._daemon.refuse_second()
        require_free(self.port, "Mosquitto")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write_users(self._wanted)
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        self._daemon.launch([str(program), "-c", str(configuration)])

    def wait_ready(self) -> None:
        """Return when Mosquitto lets a user in."""
        viewer = self._services.read("viewer")
        self._daemon.wait_ready(lambda: mqtt_accepts(self.host, self.port, "viewer", viewer))

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

    def _configuration(self) -> str:
        added = [
            f"listener {self.port} {self.host}",
            f"password_file {self._folder / 'passwords'}",
            f"acl_file {_BASE / 'acl'}",
            f"persistence_location {self._folder}/",
            "log_dest stderr",
            # as root Mosquitto would become a user who cannot reach a private folder
            "user root",
        ]
        base = (_BASE / "mosquitto.conf").read_text(encoding="utf-8")
        return "\n".join([base, *added, ""])

    def _write_users(self, devices: Iterable[str]) -> None:
        """Hash every password; the plain ones stay in their own files and off command lines."""
        for service in SERVICES:
            self._services.file(service)
        for device in devices:
            if device in SERVICES:
                raise BadConfig(f"device {device!r} has the name of a service: rename it")
            self._devices.file(device)
        everyone = {**self._devices.everyone(), **self._services.everyone()}
        path = self._folder / "passwords"
        write_private(path, "".join(f"{user}:{word}\n" for user, word in everyone.items()))
        hasher = find_program("mosquitto_passwd")
        if hasher is None:
            raise BadConfig("missing: mosquitto_passwd, which comes with Mosquitto")
        done = subprocess.run([str(hasher), "-U", str(path)], capture_output=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"mosquitto_passwd failed with exit {done.returncode}")

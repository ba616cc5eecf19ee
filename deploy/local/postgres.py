"""A private PostgreSQL with the database `cityhum` and its roles."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cityhum.secret_files import private_folder, write_private
from deploy.local import postgres_home
from deploy.local.passwords import Passwords
from deploy.local.ports import HOST, require_free, settled
from deploy.local.process import Daemon, Launcher, tied
from deploy.local.requirements import POSTGRES, require
from schemas.errors import BadConfig, Unavailable

DATABASE = "cityhum"
_SUPERUSER = "postgres"
ROLES = (
    *("owner", "windows", "alerts", "archive", "relay", "notify", "replay"),
    *("reader", "operator"),
)
BASE = Path(__file__).parents[1] / "postgres"
_ROLES_SQL = BASE / "roles.sql"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # their paths may not exceed 107 bytes; loopback does
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """PostgreSQL on loopback.

    Parameters
    ----------
    folder : Path
        The stack's folder: data in `postgres/` (as root possibly a link), passwords in `secrets/`.
    port : int
        0 for any free one; kept over restarts.
    launcher : Launcher
        Whether the process ends with us.
    """

    def __init__(self, folder: Path, port: int = 0, launcher: Launcher = tied) -> None:
        self.host = HOST
        self.port = settled(port)
        self.database = DATABASE
        self._place = folder / "postgres"
        self._passwords = Passwords(folder / "secrets" / "postgres")
        self._daemon = Daemon("postgres", folder, launcher, stop_signal=signal.SIGINT)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._daemon.identity is not None

    @property
    def passfile(self) -> Path:
        """A file for libpq (`passfile=` or PGPASSFILE) with the passwords of all roles."""
        return self._passwords.folder.parent / "pgpass"

    def password_file(self, role: str) -> Path:
        """Return the password file of a role: `cityhum_owner` and the others of roles.sql."""
        return self._passwords.file(role)

    def conninfo(self, role: str, database: str = DATABASE) -> str:
        """Return libpq's connection string for a role; it names the password file."""
        passfile = str(self.passfile).replace("\\", r"\\").replace("'", r"\'")
        return (
            f"host={self.host} port={self.port} dbname={database} user={role} passfile='{passfile}'"
        )

    def launch(self) -> None:
        """Start the process and return at once; make the data folder the first time."""
        programs = require(POSTGRES)
        self._daemon.refuse_second()
        require_free(self.port, "PostgreSQL")
        self._write_passfile()
        data = postgres_home.home(self._place) / "data"
        if not data.exists():
            self._initialise(programs, data)
        settings = {**_SETTINGS, "port": str(self.port), **self._doors()}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [str(programs / "postgres"), "-D", str(data), *options]
        self._daemon.launch(command, as_user=postgres_home.as_server())

    def wait_ready(self) -> None:
        """Return when a query is answered; see that database and roles exist."""
        self._daemon.wait_ready(self._answers)
        variables = "".join(
            f"\\set {role}_password '{self._passwords.read(f'cityhum_{role}')}'\n" for role in ROLES
        )
        done = self._psql(variables + _ROLES_SQL.read_text(encoding="utf-8"))
        if done.returncode != 0:
            raise Unavailable(f"PostgreSQL refused the roles: {_last_line(done.stderr)}")

    def start(self) -> None:
        """Launch and wait."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop orderly, ending sessions; kill after a while."""
        self._daemon.stop()

    def kill(self) -> None:
        """Stop as a crash would."""
        self._daemon.kill()

    def remove(self) -> None:
        """Delete the data, which as root may lie outside the stack's folder."""
        postgres_home.remove(self._place)

    def _doors(self) -> Mapping[str, str]:
        """Settings that say who may enter."""
        return {}

    def _answers(self) -> bool:
        done = self._psql("SELECT 1;")
        if "password authentication failed" in done.stderr:
            raise BadConfig(f"{self._passwords.folder} does not fit the data in {self._place}")
        return done.returncode == 0

    def _psql(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run SQL as superuser; it comes through standard input, so no password is ever listed."""
        psql = [str(require(POSTGRES) / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]
        target = self.conninfo(_SUPERUSER, "postgres")
        return subprocess.run(
            [*psql, f"{target} connect_timeout=2"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )

    def _write_passfile(self) -> None:
        users = (_SUPERUSER, *(f"cityhum_{role}" for role in ROLES))
        lines = [f"{self.host}:*:*:{user}:{self._passwords.read(user)}\n" for user in users]
        private_folder(self._passwords.folder)
        write_private(self.passfile, "".join(lines))

    def _initialise(self, programs: Path, data: Path) -> None:
        """Run initdb; a folder called `data` is a finished one."""
        word = data.with_name("superuser")
        write_private(word, self._passwords.read(_SUPERUSER))
        postgres_home.give_away(word)
        new = data.with_name("data.new")
        postgres_home.remove(new)
        done = subprocess.run(
            [
                *(*postgres_home.as_server(), str(programs / "initdb"), "-D", str(new)),
                *(f"--username={_SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={word}"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"),
            ],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        word.unlink()
        if done.returncode != 0:
            raise Unavailable(f"initdb failed: {_last_line(done.stderr)}")
        new.rename(data)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]

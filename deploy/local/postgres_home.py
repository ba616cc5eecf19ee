"""Where PostgreSQL keeps its data, and as whom it runs: it refuses to run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import BadConfig

_AWAY = Path("/var/tmp")  # noqa: S108 - only a fresh folder made by mkdtemp


def as_server() -> Sequence[str]:
    """Return what to put before a command so that it runs as PostgreSQL's user."""
    if os.geteuid() != 0:
        return ()
    user = server_user()
    return (
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--",
    )


def server_user() -> pwd.struct_passwd:
    """Return the user that PostgreSQL runs as when we are root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BadConfig("PostgreSQL does not run as root, and there is no user postgres or nobody")


def home(place: Path) -> Path:
    """Return the folder for the data, made at the first call.

    Parameters
    ----------
    place : Path
        Where it should be. As root that may lie below folders closed to PostgreSQL's user (a clone
        in a private folder): then it becomes a link to a folder that this user can reach.
    """
    if place.is_symlink() and not place.exists():
        raise BadConfig(f"the data behind {place} are gone: remove that link to start empty")
    if place.exists():
        return place.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or _reachable(place.parent):
        place.mkdir(mode=0o700)
        made = place
    else:
        made = Path(tempfile.mkdtemp(prefix="cityhum-postgres-", dir=_AWAY))
        place.symlink_to(made)
    give_away(made)
    return made


def give_away(path: Path) -> None:
    """Make PostgreSQL's user the owner, when we are root."""
    if os.geteuid() == 0:
        user = server_user()
        os.chown(path, user.pw_uid, user.pw_gid)


def remove(place: Path) -> None:
    """Delete the data, wherever they are."""
    if place.exists():
        shutil.rmtree(place.resolve())
    if place.is_symlink():
        place.unlink()


def _reachable(folder: Path) -> bool:
    asked = [*as_server(), "test", "-x", str(folder)]
    return subprocess.run(asked, check=False).returncode == 0

"""Disks that can be filled: each a small file system of its own, where we may mount one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy.local.postgres_home import server_user

_CHUNK: Final = bytes(2**20)
_ASIDE: Final = Path("/var/tmp")  # noqa: S108  # only a fresh folder made by mkdtemp


def why_not() -> str:
    """Why no disk can be mounted here; empty if it can."""
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    with tempfile.TemporaryDirectory() as folder:
        done = _mount(Path(folder), 1)
        if done.returncode == 0:
            _unmount(Path(folder))
    return done.stderr.strip()


@contextmanager
def small(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a small disk at a folder."""
    folder.mkdir(parents=True)
    _mount(folder, megabytes).check_returncode()
    try:
        yield
    finally:
        _unmount(folder)


@contextmanager
def small_for_postgres(place: Path, megabytes: int) -> Iterator[None]:
    """Mount a small disk that PostgreSQL's user can reach, and link to it."""
    place.parent.mkdir(parents=True)
    made, user = Path(tempfile.mkdtemp(prefix="cityhum-postgres-", dir=_ASIDE)), server_user()
    _mount(made, megabytes, f",uid={user.pw_uid},gid={user.pw_gid},mode=700").check_returncode()
    place.symlink_to(made)
    try:
        yield
    finally:
        _unmount(made)
        made.rmdir()


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to the last byte; the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(_CHUNK)
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0")
    return filler


def free_share(folder: Path) -> float:
    """Which share of a folder's disk is free."""
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


def _mount(folder: Path, megabytes: int, more: str = "") -> subprocess.CompletedProcess[str]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m{more}", "cityhum", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)

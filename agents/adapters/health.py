"""How the device itself is doing."""

import shutil
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_THERMOMETER: Final = Path("/sys/class/thermal/thermal_zone0/temp")


@dataclass(frozen=True)
class Health:
    """What the status says of the device."""

    disk_free_bytes: int
    temperature_c: float | None


def health(folder: Path) -> Health:
    """Free space where the spool lies, and the processor's temperature where one is told."""
    return Health(disk_free_bytes=disk_free_bytes(folder), temperature_c=_temperature_c())


def disk_free_bytes(folder: Path) -> int:
    """Free space where a folder lies."""
    return shutil.disk_usage(folder).free


@cache
def agent_version() -> str:
    """Version of the installed package; empty if it runs from a bare checkout."""
    try:
        return version("cityhum")
    except PackageNotFoundError:
        return ""


def _temperature_c() -> float | None:
    try:
        return int(_THERMOMETER.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None

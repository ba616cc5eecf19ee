"""Calibration records in the state folder: the one in use, and all that ever were."""

import logging
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from agents.calibration import CalibrationRecord
from schemas.errors import BadConfig

FILE: Final = "calibration.json"
HISTORY: Final = "calibrations"

log = logging.getLogger(__name__)


def load(folder: Path) -> CalibrationRecord | None:
    """Newest record; None if the device was never calibrated.

    Raises
    ------
    BadConfig
        It cannot be read, or is no calibration of this version.
    """
    path = folder / FILE
    try:
        return CalibrationRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or "file"
        raise BadConfig(f"{path} is no calibration: {field}: {first['msg']}") from None


def in_use(folder: Path, device: str) -> CalibrationRecord | None:
    """What the levels of a device rest on; None: they are relative to full scale.

    Raises
    ------
    BadConfig
        The record cannot be read, or is of another device.
    """
    record = load(folder)
    if record is None:
        log.warning("not_calibrated", extra={"device": device})
        return None
    if record.device != device:
        raise BadConfig(f"calibration {record.name} is of device {record.device}, not of {device}")
    return record


def names(folder: Path) -> frozenset[str]:
    """Names of all records that were made here."""
    return frozenset(path.stem for path in (folder / HISTORY).glob("*.json"))


def text(path: Path) -> str:
    """What a file of a microphone's maker says.

    Raises
    ------
    BadConfig
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None


def save(folder: Path, record: CalibrationRecord) -> None:
    """Keep a record and use it from the agent's next start; a power cut leaves the old one."""
    gain = {"gain"} if record.gain is None else None  # agents from before it read no such field
    text = record.model_dump_json(indent=1, exclude=gain) + "\n"
    try:
        (folder / HISTORY).mkdir(parents=True, exist_ok=True)
        _replace(folder / HISTORY / f"{record.name}.json", text)
        _replace(folder / FILE, text)
    except OSError as error:
        raise BadConfig(f"{folder}: {error.strerror}") from None


def _replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

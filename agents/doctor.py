"""Is this device fit to be left alone? Each finding is `ok`, or one line that says what to do.

What was observed comes from `adapters/doctor.py`; here it is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from agents.calibration import CalibrationRecord, check
from agents.mixer import Gain, refuse_automatic
from schemas.base import Frozen
from schemas.errors import CityhumError

LISTEN_S: Final = 3
_RATE_TOLERANCE: Final = 0.02
_DEAF_DBFS: Final = -100.0
_LOUD_SHARE: Final = 0.01
_FULL_SCALE: Final = 0.999
_OFFSET: Final = 0.1
_MIN_FREE_BYTES: Final = 256 * 1024**2
_BUSY: Final = ("busy", "in use")


class Finding(Frozen):
    """One check."""

    check: str
    verdict: Literal["ok", "failed", "skipped"]
    detail: str

    def line(self) -> str:
        """Return it for a person."""
        return f"{self.verdict:8}{self.check:12}{self.detail}"


class Diagnosis(Frozen):
    """All checks."""

    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether none failed."""
        return all(finding.verdict != "failed" for finding in self.findings)


@dataclass(frozen=True, eq=False)
class Heard:
    """A few seconds from the microphone; `span_s` is how long its samples took to come."""

    pcm: str
    samples: NDArray[np.float32]
    span_s: float
    lost_samples: int


@dataclass(frozen=True)
class Answer:
    """What the broker said; None where it was not asked or all went well."""

    untrusted: str | None = None
    unreachable: str | None = None
    refused: str | None = None
    topic_refused: str | None = None


def of_microphone(heard: Heard | str, rate_hz: int) -> tuple[Finding, ...]:
    """Judge microphone, rate and level.

    Parameters
    ----------
    heard : Heard or str
        What came, or why nothing did.
    rate_hz : int
        Samples per second that were asked for.

    Returns
    -------
    tuple of Finding
        Three.
    """
    if isinstance(heard, str):
        busy = any(word in heard for word in _BUSY)
        advice = "; another program has it: sudo systemctl stop cityhum-agent, then ask again"
        return (
            failed("microphone", heard + (advice if busy else "")),
            *(_skipped(check, "without a microphone") for check in ("rate", "level")),
        )
    return (_ok("microphone", heard.pcm), _of_rate(heard, rate_hz), of_level(heard.samples))


def of_level(samples: NDArray[np.float32]) -> Finding:
    """Judge whether this can be the sound of a street.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,), n >= 1
        Full scale 1.0.

    Examples
    --------
    >>> of_level(np.zeros(8, np.float32)).verdict
    'failed'
    """
    peak, offset = float(np.abs(samples).max()), float(samples.mean(dtype=np.float64))
    power = float(np.mean((samples - offset).astype(np.float64) ** 2))
    if peak == 0.0:
        return failed("level", "nothing but zeros: muted, or not plugged in (alsamixer, F4)")
    if abs(offset) > _OFFSET:
        return failed("level", f"direct current of {offset:+.2f} of full scale: try another card")
    level_dbfs = 10 * np.log10(max(2 * power, 1e-30))
    if level_dbfs < _DEAF_DBFS:
        return failed("level", f"{level_dbfs:.0f} dBFS, less than any microphone: raise its gain")
    if float(np.mean(np.abs(samples) >= _FULL_SCALE)) > _LOUD_SHARE:
        return failed("level", "overloaded: lower its gain (alsamixer, F4)")
    return _ok("level", f"{level_dbfs:.0f} dBFS, peak {20 * np.log10(peak):.0f} dBFS")


def of_calibration(held: CalibrationRecord | None, microphone: str, gain: Gain | None) -> Finding:
    """Judge whether levels rest on something.

    Parameters
    ----------
    held : CalibrationRecord or None
        What this device was calibrated to; None: it never was.
    microphone : str
        Its names; empty: not known.
    gain : tuple of str or None
        How the microphone's inputs are set; None: it cannot be told.
    """
    try:
        refuse_automatic(gain or ())
        if held is None:
            return _ok("calibration", "none: levels are relative to full scale")
        check(held, microphone, gain)
    except CityhumError as error:
        return failed("calibration", str(error))
    untold = " (whether its gain is still the same cannot be told)"
    return _ok("calibration", held.name + (untold if None in {held.gain, gain} else ""))


def of_clock(*, synced: bool, trusted: bool) -> Finding:
    """Judge the clock.

    Parameters
    ----------
    synced, trusted : bool
        Whether a time server was met, or somebody vouches for the clock.
    """
    if synced:
        return _ok("clock", "set by a time server")
    if trusted:
        return _ok("clock", "no time server was met; CITYHUM_CLOCK=trusted vouches for it")
    return failed("clock", "no time server was met: timedatectl status; is UDP port 123 open?")


def of_broker(answer: Answer, where: str, user: str) -> tuple[Finding, ...]:
    """Judge broker, credentials and topic.

    Parameters
    ----------
    answer : Answer
        What it said.
    where, user : str
        Its address, and who asked.

    Returns
    -------
    tuple of Finding
        Three.
    """
    away = None
    if answer.untrusted:
        away = f"{where}: {answer.untrusted}: is CITYHUM_MQTT_CA right?"
    elif answer.unreachable:
        away = f"{where}: {answer.unreachable}: is CITYHUM_MQTT_HOST right?"
    if away:
        skipped = (_skipped(check, "without the broker") for check in ("credentials", "topic"))
        return failed("broker", away), *skipped
    reached = _ok("broker", where)
    if answer.refused:
        wrong = f"{user}: {answer.refused}: put the right password into the password file"
        return reached, failed("credentials", wrong), _skipped("topic", "without credentials")
    accepted = _ok("credentials", user)
    if answer.topic_refused:
        wrong = f"{user} may not write there ({answer.topic_refused}): see the broker's access list"
        return reached, accepted, failed("topic", wrong)
    return reached, accepted, _ok("topic", "may be written")


def of_disk(folder: str, free_bytes: int | str, spool_max_bytes: int) -> Finding:
    """Judge the disk.

    Parameters
    ----------
    folder : str
        Where the spool lies.
    free_bytes : int or str
        Bytes free in it, or why it cannot be written.
    spool_max_bytes : int
        How large the spool may grow.
    """
    if isinstance(free_bytes, str):
        return failed("disk", f"{folder} cannot be written: {free_bytes}")
    free = f"{folder}: {free_bytes / 1e9:.1f} GB free"
    if free_bytes < _MIN_FREE_BYTES:
        return failed("disk", f"{free}: make room, or no outage of the network can be bridged")
    if free_bytes < spool_max_bytes:
        return _ok("disk", f"{free}, less than CITYHUM_SPOOL_MAX_BYTES allows the spool")
    return _ok("disk", free)


def lines(findings: Sequence[Finding]) -> str:
    """Return all of them for a person, one a line."""
    return "\n".join(finding.line() for finding in findings)


def _of_rate(heard: Heard, rate_hz: int) -> Finding:
    if heard.lost_samples:
        return failed("rate", f"{heard.lost_samples} samples were lost: is the processor busy?")
    measured_hz = len(heard.samples) / max(heard.span_s, 1e-9)
    if abs(measured_hz / rate_hz - 1) > _RATE_TOLERANCE:
        found = f"{measured_hz:.0f} samples a second came, {rate_hz} were asked for"
        return failed("rate", f"{found}: try the other CITYHUM_RATE_HZ or another card")
    return _ok("rate", f"{rate_hz} Hz")


def _ok(check: str, detail: str) -> Finding:
    return Finding(check=check, verdict="ok", detail=detail)


def failed(check: str, detail: str) -> Finding:
    """Return a check that failed, in one line."""
    return Finding(check=check, verdict="failed", detail=" ".join(detail.split()))


def _skipped(check: str, why: str) -> Finding:
    return Finding(check=check, verdict="skipped", detail=f"not to be told {why}")

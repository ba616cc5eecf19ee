"""Devices that fail as real ones do: a wet microphone, an amplifier turned up, a wrong clock."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from agents.street_levels import RATE_HZ, Samples
from agents.street_sounds import chance
from schemas.base import Frozen
from schemas.errors import BadConfig

Render = Callable[[int], Awaitable[Samples]]
"""Second k of what a microphone hears, float32 [16000]."""
FaultKind = Literal["wet", "clipping", "clock"]
KINDS: Final[tuple[FaultKind, ...]] = ("wet", "clipping", "clock")

_FAULTS: Final = 300  # stream of chance of one city
_TAPS: Final = 129
_WET_HZ: Final = 600.0
_WET_GAIN: Final = np.float32(10 ** (-18 / 20))
_LOUD_GAIN: Final = np.float32(10 ** (40 / 20))


class Fault(Frozen):
    """What is wrong with a device, from its first second to its last."""

    device_index: int
    kind: FaultKind
    clock_s: float = 0.0
    """How far its clock is off: never ahead, for a reading of the future is refused."""


def faults(seed: int, devices: int, failing: int) -> tuple[Fault, ...]:
    """Which devices fail, and how: all kinds in turn.

    Parameters
    ----------
    seed, devices, failing : int
        City, how many devices it has, and how many of them fail.

    Returns
    -------
    tuple of Fault
        By device.

    Raises
    ------
    BadConfig
        More are to fail than there are.

    Examples
    --------
    >>> [fault.kind for fault in faults(seed=7, devices=20, failing=2)]
    ['wet', 'clipping']
    """
    if failing > devices:
        raise BadConfig(f"{failing} devices to fail, but there are {devices}")
    rng = chance(seed, _FAULTS)
    picked = rng.permutation(devices)[:failing]
    found = [_fault(int(device), KINDS[n % len(KINDS)], rng) for n, device in enumerate(picked)]
    return tuple(sorted(found, key=lambda fault: fault.device_index))


def silence() -> Samples:
    """What a wet microphone has heard before its first second."""
    return np.zeros(_TAPS - 1, dtype=np.float32)


def wet(before: Samples, samples: Samples) -> tuple[Samples, Samples]:
    """Sound through a film of water: its treble is gone, and most of its level.

    Parameters
    ----------
    before : ndarray of float32, shape (128,)
        The samples just before; at first `silence()`.
    samples : ndarray of float32, shape (n,), n >= 128
        Sound.

    Returns
    -------
    before : ndarray of float32, shape (128,)
        For the next call.
    samples : ndarray of float32, shape (n,)
        What is left of it.
    """
    joined = np.concatenate([before, samples])
    dull = np.convolve(joined, _low_pass(), "valid")
    return joined[-(_TAPS - 1) :], np.asarray(dull * _WET_GAIN, dtype=np.float32)


def clipped(samples: Samples) -> Samples:
    """Sound through an amplifier that is turned up by 40 dB, into a converter that ends at 1."""
    return np.asarray(np.clip(samples * _LOUD_GAIN, -1, 1), dtype=np.float32)


def through(fault: Fault | None, render: Render) -> Render:
    """Sound as a device that may fail gets it; seconds must be asked for in order."""
    before = silence()

    async def wet_second(k: int) -> Samples:
        nonlocal before
        before, heard = wet(before, await render(k))
        return heard

    async def clipped_second(k: int) -> Samples:
        return clipped(await render(k))

    if fault is None or fault.kind == "clock":
        return render
    return wet_second if fault.kind == "wet" else clipped_second


def _fault(device: int, kind: FaultKind, rng: np.random.Generator) -> Fault:
    behind_s = -round(60 * rng.uniform(3, 12)) if kind == "clock" else 0
    return Fault(device_index=device, kind=kind, clock_s=behind_s)


def _low_pass() -> NDArray[np.float32]:
    t = np.arange(_TAPS) - _TAPS // 2
    taps = np.sinc(2 * _WET_HZ / RATE_HZ * t) * np.hamming(_TAPS)
    return np.asarray(taps / taps.sum(), dtype=np.float32)

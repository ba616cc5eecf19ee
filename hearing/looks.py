"""How much sound a full-band model looks at, and the front end that prepares it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hearing.frontends import fine_coarse, mel64, mobilenet, transformer, yamnet
from hearing.frontends.spectra import Sound
from hearing.manifest import Input
from schemas.errors import BadConfig


@dataclass(frozen=True)
class Look:
    """What one look of a model takes."""

    rate_hz: int
    samples: int
    """Of sound, at `rate_hz`."""
    patches: Callable[[Sound], NDArray[np.float32]]
    """float32 [samples] -> the patches of one look, [n, ...]."""


def of(wanted: Input) -> Look:
    """Look of a model that hears sound, not codes.

    Parameters
    ----------
    wanted : Input
        Of its manifest.

    Returns
    -------
    Look

    Raises
    ------
    BadConfig
        The shape or the rate does not fit the front end, or it takes codes.

    Examples
    --------
    >>> of(Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 64))).samples / 16_000
    1.455
    """
    make = _MAKERS.get(wanted.frontend)
    look = make(wanted.shape, wanted.rate_hz) if make else None
    if look is None or look.rate_hz != wanted.rate_hz:
        msg = f"front end {wanted.frontend}: no {wanted.shape} at {wanted.rate_hz} Hz from sound"
        raise BadConfig(msg)
    return look


def _mel64(shape: tuple[int, ...], _rate_hz: int) -> Look | None:
    match shape:
        case (frames, mel64.BANDS):
            patches = partial(mel64.patches, frames=frames)
            return Look(mel64.RATE_HZ, mel64.look(frames), patches)
    return None


def _fine_coarse(shape: tuple[int, ...], _rate_hz: int) -> Look | None:
    if shape != (fine_coarse.ROWS, mel64.BANDS):
        return None
    return Look(fine_coarse.RATE_HZ, fine_coarse.LOOK, fine_coarse.patches)


def _yamnet(shape: tuple[int, ...], _rate_hz: int) -> Look | None:
    if shape != (yamnet.PATCH_FRAMES, yamnet.BANDS):
        return None
    return Look(yamnet.RATE_HZ, yamnet.LOOK, yamnet.patches)


def _mobilenet(shape: tuple[int, ...], _rate_hz: int) -> Look | None:
    match shape:
        case (1, mobilenet.BANDS, frames):
            return Look(mobilenet.RATE_HZ, mobilenet.look(frames), mobilenet.patches)
    return None


def _transformer(shape: tuple[int, ...], _rate_hz: int) -> Look | None:
    match shape:
        case (frames, transformer.BANDS):
            patches = partial(transformer.patches, frames=frames)
            return Look(transformer.RATE_HZ, transformer.LOOK, patches)
    return None


def _waveform(shape: tuple[int, ...], rate_hz: int) -> Look | None:
    match shape:
        case (samples,):
            return Look(rate_hz, samples, _as_it_is)
    return None


def _as_it_is(sound: Sound) -> NDArray[np.float32]:
    return sound[None]


_MAKERS: dict[str, Callable[[tuple[int, ...], int], Look | None]] = {
    "mel64x100": _mel64,
    "mel64x100+32x8": _fine_coarse,
    "yamnet64": _yamnet,
    "mn128": _mobilenet,
    "ast128": _transformer,
    "waveform": _waveform,
}

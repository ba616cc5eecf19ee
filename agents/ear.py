"""The last seconds of sound, which a model hears together with the newest one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.batches import context, follows
from agents.pipeline import Heard
from schemas.messages import MEL_BANDS


@dataclass(frozen=True, slots=True, eq=False)
class Ear:
    """What one device heard last: unbroken seconds, at most `seconds` of them."""

    seconds: int
    recent: tuple[Heard, ...] = ()

    @property
    def patch(self) -> NDArray[np.uint8]:
        """Mel codes of 4 s up to now, uint8 [1, 32, 32]; 255 where nothing was heard."""
        *before, last = [heard.reading for heard in self.recent]
        codes = context(before, last) + last.codes
        return np.frombuffer(codes, np.uint8).reshape(1, -1, MEL_BANDS)

    @property
    def sound(self) -> NDArray[np.float32]:
        """float32 [n], up to now."""
        return np.concatenate([heard.sound for heard in self.recent]).astype(np.float32)


def step(ear: Ear, heard: Heard) -> Ear:
    """Hear one more second; what came before a gap is forgotten.

    Parameters
    ----------
    ear : Ear
        Before.
    heard : Heard
        The next second, holding its mel codes.

    Returns
    -------
    Ear
    """
    recent: Sequence[Heard] = ear.recent
    if recent and not follows(recent[-1].reading, heard.reading):
        recent = ()
    return replace(ear, recent=(*recent, heard)[-ear.seconds :])

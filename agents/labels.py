"""Labels scored on the device, as they wait in the spool.

In profile `labels` they take the place of the mel frames in a reading, so that no frame reaches
the disk; what is stored says by itself which of the two it is.
"""

from typing import NamedTuple

import orjson

from agents.reading import READING_CODE_BYTES
from schemas.base import LabelScores


class Labelled(NamedTuple):
    """What a model heard in one second."""

    model: str
    """Its identity."""
    labels: LabelScores
    """Per mille."""


def packed(heard: Labelled) -> bytes:
    """What a reading holds instead of its frames; never as long as frames are.

    Examples
    --------
    >>> packed(Labelled("street8", {"siren": 800}))
    b'["street8",{"siren":800}]'
    """
    text = orjson.dumps([heard.model, heard.labels])
    return text + b" " if len(text) == READING_CODE_BYTES else text


def unpacked(codes: bytes) -> Labelled | None:
    """Labels of a reading; None if it holds frames, or levels only.

    Examples
    --------
    >>> unpacked(b'["street8",{"siren":800}]')
    Labelled(model='street8', labels={'siren': 800})
    >>> unpacked(bytes(256)) is unpacked(b"") is None
    True
    """
    if not codes or len(codes) == READING_CODE_BYTES:
        return None
    model, labels = orjson.loads(codes)
    return Labelled(model, labels)

"""Batches with mel frames -> the same with labels. No state: any worker takes any record."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hearing import decide, patches
from hearing.manifest import Manifest
from schemas import topics
from schemas.base import LabelScores
from schemas.codec import decode
from schemas.envelopes import (
    FeatureEnvelope,
    LabelledBatch,
    ReadingEnvelope,
    Received,
    ReceivedFeatures,
    ResultEnvelope,
)
from schemas.errors import BadMessage
from schemas.messages import MEL_BANDS, Batch, FeatureBatch

Envelope = FeatureEnvelope | ResultEnvelope
Patches = NDArray[np.uint8]
Scores = NDArray[np.float32]

NO_PATCHES: Final[Patches] = np.empty((0, 32, MEL_BANDS), np.uint8)


class Scorer(Protocol):
    """A model."""

    @property
    def manifest(self) -> Manifest:
        """Its labels and thresholds."""

    def scores(self, patches: Patches) -> Scores:
        """Score patches [n, 32, 32]: [n, labels], 0 to 1."""


def read(topic: str, payload: bytes) -> Envelope:
    """Envelope of a record; BadMessage if it is none, or has too few or too many frames."""
    if topic == topics.RESULTS:
        return decode(ResultEnvelope, payload)
    envelope = decode(FeatureEnvelope, payload)
    for received in envelope.batches:
        batch = received.batch
        if batch.mel is not None and len(batch.mel.codes) != batch.expected_code_bytes:
            raise BadMessage("malformed", f"{len(batch.mel.codes)} bytes of mel codes")
    return envelope


def patches_of(envelope: Envelope) -> Patches:
    """What the model is to hear: the 4 s that end with each reading.

    Parameters
    ----------
    envelope : FeatureEnvelope or ResultEnvelope
        Batches without mel frames add nothing.

    Returns
    -------
    ndarray of uint8, shape (n, 32, 32)
        In the order of batches and readings.
    """
    heard = [_patches(batch) for batch in _feature_batches(envelope) if batch.mel is not None]
    return np.concatenate([NO_PATCHES, *heard])


def labelled(envelope: Envelope, labels: Sequence[LabelScores], model: str) -> ReadingEnvelope:
    """Readings of an envelope.

    Parameters
    ----------
    envelope : FeatureEnvelope or ResultEnvelope
        As received.
    labels : sequence of mapping of str to int
        One for each patch of `patches_of`.
    model : str
        Identity of the model that gave them.

    Returns
    -------
    ReadingEnvelope
        The same batches, tick and marks.
    """
    left = list(labels)
    batches = []
    for received in envelope.batches:
        if not isinstance(received, ReceivedFeatures):
            batch = received.batch
            batches.append(_batch(received, batch, batch.model, batch.labels))
        elif received.batch.mel is None:
            batches.append(_batch(received, received.batch, None, ()))
        else:
            count = received.batch.count
            batches.append(_batch(received, received.batch, model, tuple(left[:count])))
            del left[:count]
    return ReadingEnvelope.model_construct(
        tick=envelope.tick, dropped=envelope.dropped, batches=tuple(batches)
    )


def reported(scores: Scores, heard: Patches, manifest: Manifest) -> list[Mapping[str, int]]:
    """Labels that are worth telling of each patch.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, labels)
        Calibrated, 0 to 1.
    heard : ndarray of uint8, shape (n, 32, 32)
        The patches: what is silent has no label.
    manifest : Manifest
        Names and thresholds.

    Returns
    -------
    list of mapping of str to int
        Per mille, 500 at the label's own threshold.
    """
    silent = patches.is_silent(heard) if len(heard) else np.empty(0, np.bool_)
    return decide.reported(scores, silent, manifest)


def _feature_batches(envelope: Envelope) -> list[FeatureBatch]:
    return [r.batch for r in envelope.batches if isinstance(r, ReceivedFeatures)]


def _patches(batch: FeatureBatch) -> Patches:
    codes = batch.mel.codes if batch.mel else b""
    return patches.of_readings(np.frombuffer(codes, np.uint8).reshape(-1, MEL_BANDS))


def _batch(
    received: Received, batch: Batch, model: str | None, labels: Sequence[LabelScores]
) -> LabelledBatch:
    # every value was checked when the envelope was read
    return LabelledBatch.model_construct(
        **{name: getattr(batch, name) for name in Batch.model_fields},
        received_at=received.received_at,
        digest=received.digest,
        model=model,
        labels=tuple(labels),
    )

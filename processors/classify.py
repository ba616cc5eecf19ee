"""Batches with mel frames -> the same with labels. No state: any worker takes any record."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hearing import decide, patches
from hearing.manifest import Manifest
from schemas import features, readings, topics
from schemas.base import LabelScores
from schemas.codec import decode
from schemas.envelopes import (
    FeatureEnvelope,
    LabelledBatch,
    ReadingEnvelope,
    ReceivedFeatures,
    ReceivedResults,
    ResultEnvelope,
)
from schemas.errors import BadMessage
from schemas.messages import MEL_BANDS, Batch, ResultBatch, code_bytes
from schemas.readings import AnyRecord

Received = features.Received | ReceivedFeatures | ReceivedResults
Envelope = features.Record | FeatureEnvelope | ResultEnvelope
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
    envelope = features.read(payload)
    for received in envelope.batches:
        mel, count = received.batch.mel, received.batch.count
        if mel is not None and len(mel.codes) != code_bytes(count):
            raise BadMessage("malformed", f"{len(mel.codes)} bytes of mel codes")
    return envelope


def patches_of(envelope: Envelope) -> Patches:
    """What the model is to hear: the 4 s that end with each reading.

    Parameters
    ----------
    envelope : features.Record, FeatureEnvelope or ResultEnvelope
        Batches without mel frames add nothing.

    Returns
    -------
    ndarray of uint8, shape (n, 32, 32)
        In the order of batches and readings.
    """
    mels = [r.batch.mel for r in envelope.batches if not isinstance(r.batch, ResultBatch)]
    codes = [np.frombuffer(mel.codes, np.uint8).reshape(-1, MEL_BANDS) for mel in mels if mel]
    return np.concatenate([NO_PATCHES, *map(patches.of_readings, codes)])


def labelled(envelope: Envelope, labels: Sequence[LabelScores], model: str) -> AnyRecord:
    """Readings of an envelope.

    Parameters
    ----------
    envelope : features.Record, FeatureEnvelope or ResultEnvelope
        As received.
    labels : sequence of mapping of str to int
        One for each patch of `patches_of`.
    model : str
        Identity of the model that gave them.

    Returns
    -------
    readings.Record or ReadingEnvelope
        The same batches, tick and marks.
    """
    told = iter(labels)
    if isinstance(envelope, features.Record):
        quick = tuple(readings.Batch(**_labelled(one, told, model)) for one in envelope.batches)
        return readings.Record(quick, envelope.tick)
    batches = [LabelledBatch.trusted(**_labelled(one, told, model)) for one in envelope.batches]
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


def _labelled(received: Received, told: Iterator[LabelScores], model: str) -> Mapping[str, Any]:
    """Values of a labelled batch; every one was checked when the envelope was read."""
    batch = received.batch
    values = {name: getattr(batch, name) for name in Batch.model_fields}
    values |= {"received_at": received.received_at, "digest": received.digest}
    if isinstance(batch, ResultBatch):
        return values | {"model": batch.model, "labels": batch.labels}
    if batch.mel is None:
        return values | {"model": None, "labels": ()}
    return values | {"model": model, "labels": tuple(islice(told, batch.count))}

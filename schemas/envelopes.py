"""What travels inside Kafka: envelopes of batches, and ticks. Version 1.

An envelope holds the batches of one partition that were waiting: one when idle, many under load.
A tick is an envelope without batches; it carries received time through every partition.
"""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Digest, Frozen, LabelScores, Name, UtcTime
from schemas.messages import Batch, FeatureBatch, ResultBatch


class Received(Frozen):
    """What the bridge adds to a batch."""

    received_at: UtcTime
    digest: Digest = Field(description="of levels and codes: the same content, the same digest")


class ReceivedFeatures(Received):
    """A feature batch as the bridge took it."""

    batch: FeatureBatch


class ReceivedResults(Received):
    """A batch labelled on the device, as the bridge took it."""

    batch: ResultBatch


class FeatureEnvelope(Frozen):
    """Record of `features.v1`."""

    version: Literal[1] = 1
    tick: UtcTime | None = None
    batches: tuple[ReceivedFeatures, ...] = ()


class ResultEnvelope(Frozen):
    """Record of `results.v1`."""

    version: Literal[1] = 1
    tick: UtcTime | None = None
    batches: tuple[ReceivedResults, ...] = ()


class LabelledBatch(Batch):
    """A batch after classification; `labels` is empty where nothing was classified."""

    received_at: UtcTime
    digest: Digest
    model: Name | None = Field(max_length=128)
    labels: tuple[LabelScores, ...] = ()

    @model_validator(mode="after")
    def _one_label_set_per_reading(self) -> "LabelledBatch":
        if self.model is not None and len(self.labels) != self.count:
            msg = f"{self.count} levels but {len(self.labels)} label sets"
            raise ValueError(msg)
        return self


class ReadingEnvelope(Frozen):
    """Record of `readings.v1`, the source of every fold and of replay."""

    version: Literal[1] = 1
    tick: UtcTime | None = None
    batches: tuple[LabelledBatch, ...] = ()

"""What travels inside Kafka: envelopes of batches, and ticks. Version 1.

An envelope holds the batches of one partition that were waiting: one when idle, many under load.
A tick is an envelope without batches; it carries received time through every partition. So does a
mark of dropped readings: what a device said will never come, so that nobody waits for it.
"""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import DeviceId, Digest, Frozen, LabelScores, Name, SeqRange, UtcTime
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


class Dropped(Frozen):
    """Readings of a device that will never come, as its status names them."""

    device: DeviceId
    ranges: tuple[SeqRange, ...]


class Envelope(Frozen):
    """What every envelope may carry beside batches."""

    version: Literal[1] = 1
    tick: UtcTime | None = None
    dropped: tuple[Dropped, ...] = Field(
        default=(),
        exclude_if=lambda marks: not marks,
        description="only with a tick, the time at which this was said; left out if there are none",
    )


class FeatureEnvelope(Envelope):
    """Record of `features.v1`."""

    batches: tuple[ReceivedFeatures, ...] = ()


class ResultEnvelope(Envelope):
    """Record of `results.v1`."""

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


class ReadingEnvelope(Envelope):
    """Record of `readings.v1`, the source of every fold and of replay."""

    batches: tuple[LabelledBatch, ...] = ()

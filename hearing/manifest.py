"""What a model says of itself: `manifest.json` beside its weights."""

import json
from collections.abc import Mapping
from math import prod
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from hearing.taxonomy import FROM_AUDIOSET
from schemas.base import Frozen, Label, SlugId
from schemas.errors import BadConfig

Frontend = Literal[
    "mel32x8", "mel64x100", "mel64x100+32x8", "yamnet64", "mn128", "ast128", "waveform"
]
Precision = Literal["float32", "int8"]
LARGEST: Final = 4_000_000
"""Numbers in a patch: twenty seconds at 192 kHz."""
NEWEST_FORMAT: Final = 1
Probability = Annotated[float, Field(gt=0, lt=1)]


class Input(Frozen):
    """What the model wants to be given."""

    frontend: Frontend = Field(description="features, computed by us from sound")
    rate_hz: int = Field(ge=8000, le=192_000)
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1, description="of one patch, without the batch"
    )

    @field_validator("shape")
    @classmethod
    def _holds_a_look(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if prod(shape) > LARGEST:
            msg = f"a patch of more than {LARGEST} numbers"
            raise ValueError(msg)
        return shape


class Manifest(Frozen):
    """A model: its weights by hash, its labels with thresholds, its licence and its record."""

    format: Literal[1] = 1
    name: SlugId
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([a-z0-9.-]*)$")
    file: str = Field(
        default="model.onnx",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$",
        description="the weights, beside the manifest: a name without any folder",
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the weights")
    precision: Precision = "float32"
    input: Input
    labels: tuple[Label, ...] = Field(min_length=1)
    classes: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="AudioSet's names of the outputs, in order; empty: the outputs are `labels`",
    )
    thresholds: Mapping[Label, Probability] = Field(description="a label is active from here on")
    temperature: Mapping[Label, Annotated[float, Field(gt=0)]] = Field(
        description="logits are divided by it"
    )
    activation: Literal["sigmoid", "softmax", "none"]
    licence: str = Field(min_length=1)
    commercial_use: bool
    training_data: tuple[str, ...]
    metrics: Mapping[str, float]

    @model_validator(mode="after")
    def _every_label_is_decided(self) -> "Manifest":
        if len(set(self.labels)) != len(self.labels):
            msg = "labels: one is named twice"
            raise ValueError(msg)
        for field, named in (("thresholds", self.thresholds), ("temperature", self.temperature)):
            if set(named) != set(self.labels):
                wrong = ", ".join(sorted(set(named) ^ set(self.labels)))
                msg = f"{field}: not the same labels as in `labels`: {wrong}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _every_label_has_a_class(self) -> "Manifest":
        if self.classes:
            if len(set(self.classes)) != len(self.classes):
                msg = "classes: one is named twice"
                raise ValueError(msg)
            if self.activation == "softmax":
                msg = "classes: labels share classes out, which softmax does not allow"
                raise ValueError(msg)
            heard = {FROM_AUDIOSET.get(name) for name in self.classes}
            if deaf := [label for label in self.labels if label not in heard]:
                msg = f"labels: no class stands for {', '.join(deaf)}"
                raise ValueError(msg)
        return self

    @property
    def identity(self) -> str:
        """Name, version and the beginning of the hash: what a reading says it was heard by."""
        return f"{self.name}-{self.version}@{self.sha256[:12]}"


def parse(text: str | bytes, source: str) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    text : str or bytes
        JSON.
    source : str
        Where it came from, for the error.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    BadConfig
        Naming the source and the first wrong field.

    Examples
    --------
    >>> parse("[]", "manifest.json")
    Traceback (most recent call last):
    schemas.errors.BadConfig: manifest.json: not a manifest: list instead of an object
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadConfig(f"{source}: no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise BadConfig(f"{source}: not a manifest: {type(fields).__name__} instead of an object")
    try:
        _refuse_newer(fields.get("format"))
        return Manifest.model_validate_json(text)
    except BadConfig as error:
        raise BadConfig(f"{source}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise BadConfig(f"{source}: {field}: {first['msg']}") from error


def _refuse_newer(version: object) -> None:
    """Say so before the fields that a newer version has get the blame."""
    if isinstance(version, int) and version > NEWEST_FORMAT:
        msg = f"format: {version} is newer than {NEWEST_FORMAT}, the newest known here"
        raise BadConfig(msg)

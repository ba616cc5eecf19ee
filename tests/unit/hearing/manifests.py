"""A valid manifest, with overrides."""

from hearing.manifest import Manifest

_VALID = {
    "name": "tiny",
    "version": "0.1.0",
    "sha256": "0" * 64,
    "input": {"frontend": "mel32x8", "rate_hz": 16_000, "shape": (32, 32)},
    "labels": ("siren", "dog_bark"),
    "thresholds": {"siren": 0.5, "dog_bark": 0.5},
    "temperature": {"siren": 1.0, "dog_bark": 1.0},
    "activation": "sigmoid",
    "licence": "CC0-1.0",
    "commercial_use": True,
    "training_data": ("nothing",),
    "metrics": {},
}


def manifest(**overrides: object) -> Manifest:
    """Build the manifest of two labels."""
    return Manifest.model_validate({**_VALID, **overrides})

"""Fixtures for every kind of test."""

from importlib.util import find_spec
from pathlib import Path

pytest_plugins = ["tests.servers", "tests.database"]

TRAINING_INSTALLED = find_spec("torch") is not None


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Training's packages are 5 GB, so `make test` does without them; `make training` has them."""
    return True if collection_path.name == "training" and not TRAINING_INSTALLED else None


def pytest_report_header() -> str | None:
    return None if TRAINING_INSTALLED else "tests of training/ left out: `make training` first"

"""Fixtures for every kind of test, and how hard Hypothesis tries."""

import os
from importlib.util import find_spec
from pathlib import Path

from hypothesis import settings

pytest_plugins = ["tests.servers", "tests.database"]

TRAINING_INSTALLED = find_spec("torch") is not None

# a law is tried on a few examples at every commit, and on many by `make laws`
settings.register_profile("commit", max_examples=8, deadline=None)
settings.register_profile("thorough", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "commit"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Training's packages are 5 GB, so `make test` does without them; `make training` has them."""
    return True if collection_path.name == "training" and not TRAINING_INSTALLED else None


def pytest_report_header() -> str | None:
    return None if TRAINING_INSTALLED else "tests of training/ left out: `make training` first"

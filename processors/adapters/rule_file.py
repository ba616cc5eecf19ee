"""Reads the file of alert rules."""

from pathlib import Path

from processors import rules
from processors.adapters import text_file
from processors.rules import Rule


def load(path: Path) -> tuple[Rule, ...]:
    """Rules of a file; `BadConfig` in one line if it cannot be read or is wrong."""
    return rules.parse(text_file.read(path), str(path))

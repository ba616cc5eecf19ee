"""An extra brings whatever its program imports of what we ask for: an image installs no more."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

_PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
_IMPORTED = """
import importlib, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def named(requirements: list[str]) -> set[str]:
    """Distributions of requirements, without extras and versions."""
    return {re.split(r"[^\w.-]", one)[0].lower() for one in requirements}


@pytest.mark.parametrize(("extra", "module"), [("api", "cityhum.api")])
def test_an_extra_brings_what_its_program_imports(extra: str, module: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", _IMPORTED, module], check=True, capture_output=True, text=True
    )
    of_module = metadata.packages_distributions()
    imported = {of_module[one][0].lower() for one in printed.stdout.split() if one in of_module}
    extras: dict[str, list[str]] = _PROJECT["optional-dependencies"]
    asked_for = named([one for requirements in extras.values() for one in requirements])
    brought = named([*_PROJECT["dependencies"], *extras[extra]])
    assert (imported & asked_for) <= brought

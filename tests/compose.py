"""The compose files as Compose itself reads them; no container engine is needed for that."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[1]
DEMO: Final = ("docker-compose.yml",)
CITY: Final = (*DEMO, "deploy/compose/production.yml")
OWNER: Final = {"SECRETS_UID": "1000"}
TOOLS: Final = Path(sys.executable).parent

Service = Mapping[str, Any]
Project = Mapping[str, Any]


def tool(name: str) -> str:
    """A program of the dependency group `containers`."""
    path = TOOLS / name
    if not path.exists():
        pytest.skip(f"needs {name}: uv sync --inexact --group containers")
    return str(path)


def project(
    files: tuple[str, ...], profiles: tuple[str, ...] = ("*",), **variables: str
) -> Project:
    """The services of these profiles, by default all, with every default and merge done."""
    chosen = [word for name in files for word in ("-f", name)]
    chosen += [word for name in profiles for word in ("--profile", name)]
    document: Project = yaml.safe_load(asked(*chosen, "config", **OWNER, **variables).stdout)
    return document


def asked(*words: str, **variables: str) -> CompletedProcess[str]:
    """What Compose says, whatever file .env is there."""
    return subprocess.run(
        [tool("docker-compose"), "--env-file", os.devnull, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        check=True,
        capture_output=True,
        text=True,
    )


def is_job(service: Service) -> bool:
    """Whether it ends by itself."""
    return bool(service.get("restart") == "no")


def mounted(service: Service) -> dict[str, Path]:
    """Files and folders of this machine by where the container has them."""
    volumes = service.get("volumes", [])
    return {one["target"]: Path(one["source"]) for one in volumes if one["type"] == "bind"}


def variables(service: Service) -> dict[str, str]:
    """Those of ours."""
    given = service.get("environment") or {}
    return {name: value for name, value in given.items() if name.startswith("CITYHUM_")}

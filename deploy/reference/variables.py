"""Reference: every setting that programs read from the environment."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from pydantic_settings import BaseSettings

from agents.settings import AgentSettings
from api.settings import ApiSettings
from dashboard.settings import DashboardSettings
from deploy.local.settings import LocalSettings
from deploy.reference.markdown import code, page, table
from processors.settings import ProcessorSettings

EXAMPLE = Path(".env.example")
KINDS: dict[str, type[BaseSettings]] = {
    "The agent": AgentSettings,
    "Bridge, processors and their commands": ProcessorSettings,
    "The HTTP API": ApiSettings,
    "The dashboard": DashboardSettings,
    "The local stack": LocalSettings,
}

_INTRODUCTION = """\
Programs read variables and no file: `.env.example` names each with its default, to be copied and
loaded as you like (`set -a; . ./my.env`, systemd's `EnvironmentFile`). A variable that begins with
`CITYHUM_` and is not listed here stops a program with one line. Passwords come from files only."""


def settings() -> str:
    """Page of all settings."""
    said = dict(_comments(EXAMPLE.read_text(encoding="utf-8")))
    parts = []
    for title, kind in KINDS.items():
        parts += [f"## {title}", _table(kind, said)]
    return page("Settings", _INTRODUCTION, *parts)


def _comments(example: str) -> Iterator[tuple[str, str]]:
    """What the line above a variable says of it."""
    for above, line in pairwise(example.splitlines()):
        if above.startswith("# ") and line.startswith("CITYHUM_"):
            yield line.split("=")[0], above.removeprefix("# ")


def _table(kind: type[BaseSettings], said: Mapping[str, str]) -> str:
    prefix = kind.model_config.get("env_prefix", "")
    rows = []
    for field, about in kind.model_fields.items():
        name = prefix + field.upper()
        meaning = about.description or said.get(name, "")
        rows.append([code(name), code(_shown(about.default)), meaning])
    return table(["variable", "default", "meaning"], rows)


def _shown(default: object) -> str:
    return "" if default in (None, ()) else str(default)

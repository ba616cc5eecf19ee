"""Settings from the environment, with a person's mistakes told in one line."""

import os
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from agents.settings import AgentSettings
from api.settings import ApiSettings
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

PREFIX = "CITYHUM_"
NEIGHBOURS = ("CITYHUM_LOCAL_", "CITYHUM_DASHBOARD_")
"""Read by the local stack and by the dashboard, which check their own."""

Settings = TypeVar("Settings", bound=BaseSettings)


def known() -> frozenset[str]:
    """Every variable that some program of ours reads."""
    kinds: tuple[type[BaseSettings], ...] = (AgentSettings, ProcessorSettings, ApiSettings)
    return frozenset(variable(kind, name) for kind in kinds for name in kind.model_fields)


def variable(kind: type[BaseSettings], field: str) -> str:
    """Name of the variable that a field is read from."""
    return f"{kind.model_config['env_prefix']}{field}".upper()


def read(kind: type[Settings]) -> Settings:
    """Settings of one program.

    Raises
    ------
    BadConfig
        If a variable with our prefix is unknown, or a value is wrong.
    """
    ours = {name for name in map(str.upper, os.environ) if name.startswith(PREFIX)}
    for name in sorted(ours - known()):
        if not name.startswith(NEIGHBOURS):
            raise BadConfig(f"unknown setting {name}")
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = variable(kind, str(first["loc"][0]))
        raise BadConfig(f"{name}: {first['msg']}") from None
    except SettingsError as error:
        raise BadConfig(" ".join(str(error).split())) from None

"""Settings of the programs that `cityhum` starts."""

from typing import TypeVar

from pydantic_settings import BaseSettings

from agents.settings import AgentSettings
from api.settings import ApiSettings
from processors.settings import ProcessorSettings
from schemas.adapters import environment

PREFIX = "CITYHUM_"
NEIGHBOURS = ("CITYHUM_LOCAL_", "CITYHUM_DASHBOARD_")
"""Read by the local stack and by the dashboard, which check their own."""

Settings = TypeVar("Settings", bound=BaseSettings)


def known() -> frozenset[str]:
    """Every variable that some program of ours reads."""
    kinds: tuple[type[BaseSettings], ...] = (AgentSettings, ProcessorSettings, ApiSettings)
    return frozenset().union(*map(environment.variables, kinds))


def read(kind: type[Settings]) -> Settings:
    """Settings of one program.

    Raises
    ------
    BadConfig
        If a variable with our prefix is unknown, or a value is wrong.
    """
    environment.refuse_unknown(PREFIX, known(), neighbours=NEIGHBOURS)
    return environment.read(kind)

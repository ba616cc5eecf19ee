"""Settings from the environment, with a person's mistakes told in one line."""

import os
from collections.abc import Collection
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from schemas.errors import BadConfig

Settings = TypeVar("Settings", bound=BaseSettings)


def variable(kind: type[BaseSettings], field: str) -> str:
    """Name of the variable that a field is read from."""
    return f"{kind.model_config['env_prefix']}{field}".upper()


def variables(kind: type[BaseSettings]) -> frozenset[str]:
    """Names of all variables that settings are read from."""
    return frozenset(variable(kind, field) for field in kind.model_fields)


def refuse_unknown(
    prefix: str, known: Collection[str], *, neighbours: tuple[str, ...] = ()
) -> None:
    """Raise BadConfig if a variable with our prefix is unknown, and no neighbour's."""
    ours = {name for name in map(str.upper, os.environ) if name.startswith(prefix)}
    for name in sorted(ours.difference(known)):
        if not name.startswith(neighbours):
            raise BadConfig(f"unknown setting {name}")


def read(kind: type[Settings]) -> Settings:
    """Settings of one program.

    Raises
    ------
    BadConfig
        If a value is wrong.
    """
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = variable(kind, str(first["loc"][0]))
        raise BadConfig(f"{name}: {first['msg']}") from None
    except SettingsError as error:
        raise BadConfig(" ".join(str(error).split())) from None

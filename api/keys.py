"""Keys: who may ask what, and how often. Pure; only digests are kept.

A key is 256 bits of chance, so one round of SHA-256 hides it as well as a slow hash would.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

import yaml
from pydantic import Field, StringConstraints, ValidationError

from schemas.base import Frozen, SlugId
from schemas.errors import BadConfig

PREFIX: Final = "cityhum_"
"""So that a key which got lost is recognised by people and by scanners."""


class Scope(StrEnum):
    """What a key may be for."""

    LEVELS = "read:levels"
    ALERTS = "read:alerts"
    CLASSIFY = "classify"


class Key(Frozen):
    """What is kept of a key."""

    name: SlugId = Field(description="whose it is; in logs")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    per_minute: int = Field(default=600, ge=1, description="requests, in the long run")


class KeyFile(Frozen):
    """The file of keys."""

    keys: tuple[Key, ...] = ()


def digest_of(secret: str) -> str:
    """Digest by which a key is known, hex.

    Examples
    --------
    >>> digest_of("cityhum_example")[:8]
    '0fe3ee01'
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def made(name: str, scopes: Sequence[Scope], secret: str, per_minute: int = 600) -> Key:
    """What is kept of a new key.

    Raises
    ------
    BadConfig
        If the name is none, or there are no scopes.
    """
    try:
        return Key(name=name, scopes=tuple(scopes), sha256=digest_of(secret), per_minute=per_minute)
    except ValidationError as error:
        raise BadConfig(_first(error)) from None


def parse(text: str, source: str) -> KeyFile:
    """Keys of a file.

    Raises
    ------
    BadConfig
        In one line, if it is wrong or two keys have one name.
    """
    try:
        file = KeyFile.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise BadConfig(f"{source}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise BadConfig(f"{source}: {_first(error)}") from None
    _require_names_once(file, source)
    return file


def added(file: KeyFile, key: Key) -> KeyFile:
    """A file with one more key.

    Raises
    ------
    BadConfig
        If it has a key of this name.
    """
    more = KeyFile(keys=(*file.keys, key))
    _require_names_once(more, "keys")
    return more


def written(file: KeyFile) -> str:
    """Text of a file of keys."""
    return yaml.safe_dump(file.model_dump(mode="json"), sort_keys=False)


def by_digest(file: KeyFile) -> Mapping[str, Key]:
    """Keys as requests look for them."""
    return {key.sha256: key for key in file.keys}


def _require_names_once(file: KeyFile, source: str) -> None:
    names = [key.name for key in file.keys]
    for name in names:
        if names.count(name) > 1:
            raise BadConfig(f"{source}: two keys are called {name}")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"

"""Who may do what, as `deploy/access.yaml` says it. Pure.

What the table does not allow is refused: each server is closed to begin with.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError

from schemas.base import Frozen
from schemas.errors import BadConfig

Operation = Literal["read", "write"]
Kind = Literal["topic", "group"]
Verb = Literal["select", "insert", "update", "delete"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]*$")]
Right = Annotated[
    str, Field(pattern=r"^((select|insert|update)(\([a-z_]+(, [a-z_]+)*\))?|delete)$")
]
"""What may be done with rows, and with which columns if not with all."""
_COLUMNS: Final = re.compile(r"[a-z_]+")
VERBS: Final[tuple[Verb, ...]] = ("select", "insert", "update", "delete")


class Streams(Frozen):
    """What an MQTT user may do with `cityhum/v1/{site}/{device}/STREAM`."""

    write: tuple[Name, ...] = ()
    read: tuple[Name, ...] = ()
    devices: Literal["own", "all"] = "all"


class Topics(Frozen):
    """What a Kafka user may do; `group` is the one it may join."""

    write: tuple[Name, ...] = ()
    read: tuple[Name, ...] = ()
    group: Name | None = None


class Program(Frozen):
    """Which users a program logs in as; it needs no other server."""

    mqtt: Name | None = None
    kafka: Name | None = None
    postgres: Name | None = None


class Rows(Frozen):
    """A table of several writers: each has the rows with its value in a column."""

    column: Name
    own: Mapping[Name, str]
    """Value by role."""


class Access(Frozen):
    """The whole table, by server and user."""

    programs: Mapping[Name, Program] = {}

    mqtt: Mapping[Name, Streams]
    kafka: Mapping[Name, Topics]
    postgres: Mapping[Name, Mapping[Name, tuple[Right, ...]]]
    rows: Mapping[Name, Rows] = {}
    api: Mapping[str, tuple[str, ...]] = {}
    """Paths of the HTTP API by the scope of the key that they need."""

    def columns(self, role: str, table: str, verb: Verb) -> frozenset[str] | None:
        """Columns of a table with which a role may do something; None: with all of them."""
        rights = self.postgres.get(role, {}).get(table, ())
        if verb in rights:
            return None
        named = [_COLUMNS.findall(right) for right in rights if right.startswith(f"{verb}(")]
        return frozenset(column for columns in named for column in columns[1:])


class Grant(NamedTuple):
    """One line of Kafka's access list: `user` may do `operation` with a topic or group."""

    user: str
    kind: Kind
    name: str
    operation: Operation


def grants(topics: Mapping[str, Topics]) -> frozenset[Grant]:
    """Kafka's access list.

    Examples
    --------
    >>> sorted(grants({"relay": Topics(write=("alerts.v1",))}))
    [Grant(user='relay', kind='topic', name='alerts.v1', operation='write')]
    """
    return frozenset(_grants(topics))


def _grants(topics: Mapping[str, Topics]) -> Iterator[Grant]:
    for user, may in topics.items():
        yield from (Grant(user, "topic", name, "read") for name in may.read)
        yield from (Grant(user, "topic", name, "write") for name in may.write)
        if may.group:
            yield Grant(user, "group", may.group, "read")


def parse(text: str, source: str = "access.yaml") -> Access:
    """The table of a file's text.

    Raises
    ------
    BadConfig
        One line that names `source` and the first mistake.
    """
    try:
        return Access.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadConfig(f"{source} is not YAML: {' '.join(str(error).split())[:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise BadConfig(f"{source}: {where}: {first['msg']}") from None

"""The table of who may what, for people: the part of docs/security.md that is not written. Pure."""

from collections.abc import Iterable, Iterator

from processors.access import Access, Streams, Topics


def page(access: Access) -> str:
    """Markdown tables, one for each server.

    Examples
    --------
    >>> "| relay | - | windows.v1 | - |" in page(
    ...     Access(mqtt={}, kafka={"relay": Topics(write=("windows.v1",))}, postgres={})
    ... )
    True
    """
    return "\n".join(_lines(access))


def _lines(access: Access) -> Iterator[str]:
    yield from _head("program", "MQTT user", "Kafka user", "PostgreSQL role")
    for name, program in access.programs.items():
        yield _row(name, program.mqtt or "-", program.kafka or "-", program.postgres or "-")
    yield ""
    yield from _head("MQTT user", "publishes", "reads")
    for user, streams in access.mqtt.items():
        yield _row(user, _streams(streams, streams.write), _streams(streams, streams.read))
    yield ""
    yield from _head("Kafka user", "reads", "writes", "group")
    for user, topics in access.kafka.items():
        yield _kafka(user, topics)
    yield ""
    yield from _head("scope of an API key", "opens")
    for scope, paths in access.api.items():
        yield _row(scope, _words(f"`{path}`" for path in paths))
    yield ""
    yield from _head("PostgreSQL role", "table or view", "may")
    for role, tables in access.postgres.items():
        by_rights: dict[tuple[str, ...], list[str]] = {}
        for table, rights in tables.items():
            by_rights.setdefault(rights, []).append(table)
        for rights, names in by_rights.items():
            yield _row(role, _words(names), _words(rights))
    yield ""
    yield from _head("of table", "role", "sees and changes only")
    for table, rows in access.rows.items():
        for role, value in rows.own.items():
            yield _row(table, role, f"`{rows.column} = '{value}'`")


def _kafka(user: str, topics: Topics) -> str:
    return _row(user, _words(topics.read), _words(topics.write), topics.group or "-")


def _streams(rule: Streams, names: Iterable[str]) -> str:
    words = _words(names)
    return f"{words} (its own)" if rule.devices == "own" and words != "-" else words


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|" + "---|" * len(names)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _words(names: Iterable[str]) -> str:
    return ", ".join(names) or "-"

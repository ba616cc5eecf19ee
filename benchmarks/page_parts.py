"""What chapters of docs/benchmarks.md are made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.bars import Bar
from deploy.reference import markdown

OURS: Final = "cityhum"

Kept = Mapping[str, Any]
"""What a benchmark printed."""


def flat(result: Kept) -> Iterator[tuple[str, Any]]:
    """Figures and values, one level deep."""
    for name, value in result.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{name}: {inner}", worth) for inner, worth in flat(value))
        elif not isinstance(value, list):
            yield name.replace("_", " "), value or (value if value == 0 else "none")


def bar(run: Kept) -> Bar:
    """A contender as a bar."""
    return Bar(run["name"], run["per_s"], run["name"].startswith(OURS))


def picture(name: str) -> tuple[str, str, str]:
    """A picture as a paragraph."""
    return "", f"![{name.removesuffix('.svg')}](pictures/{name})", ""


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of any values."""
    return markdown.table(headers, (list(map(_cell, row)) for row in rows))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)

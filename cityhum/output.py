"""What commands say: JSON or words on stdout, mistakes and progress on stderr.

Names of files need not be UTF-8: what cannot be written as it is, is written with backslashes.
"""

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import orjson
import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import Progress

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
AsLines = Annotated[bool, typer.Option("--json", help="print a JSON object a line")]

Item = TypeVar("Item")

_WIDE: Final = 1000
"""Columns where nobody looks: a program or a file gets every row on one line."""


def answer(told: object, words: RenderableType, *, as_json: bool) -> None:
    """Print what a command found.

    Parameters
    ----------
    told : object
        As JSON: messages, and mappings and sequences of them.
    words : RenderableType
        For people: a sentence, or a table.
    as_json : bool
        Which of both.
    """
    if as_json:
        typer.echo(orjson.dumps(_plain(told), option=orjson.OPT_INDENT_2))
    elif isinstance(words, str):
        _let_names_pass()
        typer.echo(words)  # as it is: square brackets are no markup, numbers have no colour
    else:
        console().print(words)


def line(told: object) -> None:
    """Print one JSON object of many, on a line of its own."""
    typer.echo(orjson.dumps(_plain(told)))


def console() -> Console:
    """For tables on stdout: colours on a terminal only, and not where NO_COLOR is set."""
    _let_names_pass()
    made = Console(markup=False, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDE
    return made


def tracked(items: Sequence[Item], doing: str) -> Iterator[Item]:
    """Give one item after the other, with a bar on stderr if that is a terminal."""
    shown = Console(stderr=True)
    # what is printed meanwhile goes above the bar, unless it goes elsewhere: then it stays as it is
    bar = Progress(
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        yield from bar.track(items, description=doing)


def complain(why: str) -> None:
    """Say in one line on stderr what is wrong."""
    print(f"cityhum: {why}", file=sys.stderr)  # noqa: T201  # the command line's own voice


def _plain(value: object) -> object:
    """Messages as mappings, and every string as one that can be written."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case BaseModel():
            return _plain(value.model_dump(mode="json"))
        case Mapping():
            return {_plain(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value


def _let_names_pass() -> None:
    """Make stdout as lenient as stderr is; what stands for it meanwhile prints on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")

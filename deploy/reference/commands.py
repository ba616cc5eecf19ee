"""Reference: every command with its arguments, options and exit statuses."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer

from cityhum.main import COMMANDS, loaded, summary_of
from cityhum.status import MEANINGS
from deploy.reference.markdown import code, page, table

_INTRODUCTION = """\
`cityhum --help` lists the commands, `--help` behind a command tells what is said here, and
`--install-completion` makes the shell complete them. With `--json` a command prints one JSON
document; those that tell one thing after another print an object a line. Answers are on stdout;
mistakes, progress and logs on stderr. Colours and bars are for terminals only, and `NO_COLOR` turns
colours off. How each of them ends: [exit statuses](exit-codes.md). What they read from the
environment: [settings](settings.md)."""


def commands() -> str:
    """Page of all commands, by role."""
    return page("Commands", _INTRODUCTION, *_sections())


def exit_codes() -> str:
    """Page of the exit statuses."""
    rows = [[str(int(status)), status.name.lower(), said] for status, said in MEANINGS.items()]
    introduction = (
        "The same for every command, for `python -m deploy.local` and `python -m deploy.local.demo`"
        " too. Services end with 0 when they are asked to stop. `make` itself ends with 2 whatever"
        " failed, and names the status: `Error 3`."
    )
    return page("Exit statuses", introduction, table(["status", "name", "means"], rows))


def _sections() -> Iterator[str]:
    for role, names in COMMANDS.items():
        yield f"## {role}"
        for name in names:
            yield from _described(f"cityhum {name}", loaded(name), summary_of(name))


def _described(name: str, command: Any, summary: str) -> Iterator[str]:  # noqa: ANN401  # Typer's
    """A command, and then its verbs."""
    context = typer.Context(command, info_name=name)
    yield f"### {name}"
    yield cleandoc(command.help or summary)
    yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```"
    records = (one.get_help_record(context) for one in command.params if one.name != "help")
    rows = [[code(names), said] for names, said in filter(None, records)]
    yield table(["argument or option", "meaning"], rows)
    for verb, one in getattr(command, "commands", {}).items():
        yield from _described(f"{name} {verb}", one, "")

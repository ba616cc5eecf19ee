"""All commands at once: what each of them must have."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from cityhum.main import COMMANDS, build, loaded

SERVE = {"agent run", "api", "bridge", "partitions daily", "work"}
"""They run until they are stopped, and say nothing but logs."""
WRITE = {"access show", "migrate", "schemas", "schemas asyncapi", "schemas json", "simulate-sites"}
"""What they make is a document or a database, not an answer."""


def commands() -> Iterator[tuple[str, Any]]:
    for name in (name for names in COMMANDS.values() for name in names):
        yield from runnable(name, loaded(name))


def runnable(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # Typer's
    """The command if it does something without a verb, and those of its verbs."""
    verbs = getattr(command, "commands", {})
    if not verbs or command.invoke_without_command:
        yield name, command
    for verb, one in verbs.items():
        yield from runnable(f"{name} {verb}", one)


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_every_command_says_what_it_does_and_what_its_options_mean(name: str) -> None:
    assert ALL[name].help
    unsaid = [one.name for one in ALL[name].params if not one.help and not one.hidden]
    assert not unsaid


@pytest.mark.parametrize("name", sorted(ALL.keys() - SERVE - WRITE))
def test_every_command_that_answers_answers_programs_too(name: str) -> None:
    assert any("--json" in one.opts for one in ALL[name].params)


@pytest.mark.parametrize("role", COMMANDS)
def test_the_help_lists_commands_by_role(role: str) -> None:
    said = CliRunner().invoke(build(), ["--help"]).output
    assert role in said
    assert "\x1b" not in said

"""`cityhum`: the groups of commands, each imported only when it is called."""

from collections.abc import Mapping
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from cityhum.ending import end_with
from schemas.errors import BadConfig

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "On a device": {
        "agent": "Listen to the microphone, measure, publish; calibrate; check the device.",
    },
    "Running the servers": {
        "access": "Put into force who may do what in Kafka.",
        "certificates": "Make and renew the servers' certificates for TLS.",
        "devices": "Which devices may log in: add, revoke, rotate, list.",
        "migrate": "Bring the database to this version and load the sites.",
        "partitions": "Make the days of readings ahead, and drop the old ones.",
        "backup": "Save the database, list what was saved, restore it.",
        "checkpoints": "Say where each fold is in the log; go on where records are gone.",
        "gaps": "Name the readings that are missing between those that are stored.",
        "dead-letters": "Count what the bridge refused, and let it judge that once more.",
        "topics": "Create and check the Kafka topics.",
        "bridge": "Relay MQTT messages into Kafka.",
        "work": "Run a processor: classify, windows, alerts, archive, relay or notify.",
        "api": "Serve the HTTP API; make its keys.",
        "health": "Ask a running process whether it lives and is ready.",
        "notify": "Check who is told of alerts, try a target, and see what was given up.",
    },
    "Noise department": {
        "alerts": "List and show alerts, and follow them as they come.",
        "rules": "Check alert rules.",
        "verdicts": "Say which alerts were true, and count what was said.",
        "replay": "Run a past span again into a shadow: other rules, another model, newer code.",
    },
    "Sounds and models": {
        "listen": "Levels, labels and events of sound files, without any broker.",
        "models": "List, check, add and pull models.",
        "evaluate": "Judge a model on labelled recordings.",
    },
    "Trying and developing": {
        "simulate": "Publish readings of simulated devices in rendered streets.",
        "simulate-sites": "Print a sites file for thousands of simulated devices.",
        "schemas": "Generate the JSON Schema files.",
    },
}
"""By role. Each is a module of this package with `app`: a group of verbs, or a function."""


class Lazy(TyperGroup):
    """Commands that are imported when called: the agent must not pay for importing Faust."""

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401  # Typer keeps the types of its contexts and commands to itself
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        """Put the command itself in the place of its line in the list."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else loaded(name), rest


def loaded(name: str) -> Any:  # noqa: ANN401
    """Import a command.

    Parameters
    ----------
    name : str
        One of `COMMANDS`.

    Returns
    -------
    Command
        As Typer makes them.

    Raises
    ------
    BadConfig
        If it needs a package of an extra that is not installed here.
    """
    app = _imported(name)
    holder = typer.Typer()
    if isinstance(app, typer.Typer):
        holder.add_typer(app, name=name, help=summary_of(name))
    else:
        holder.command(name)(app)
    holder.callback()(_not_loaded)  # a group even of a single command
    return get_group(holder).commands[name]


def _imported(name: str) -> Any:  # noqa: ANN401  # a Typer group or a function
    try:
        return import_module(f"cityhum.{name.replace('-', '_')}").app
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if find_spec(package) is not None:  # it is here, but a part of it is not: a bug
            raise
        raise BadConfig(
            f"{name} needs {package}, which is not installed: pip install 'cityhum[EXTRA]' with"
            f" the extra of its role, one of {', '.join(_extras())}"
        ) from None


def _extras() -> list[str]:
    return metadata.metadata("cityhum").get_all("Provides-Extra") or []


def summary_of(name: str) -> str:
    """What the list says of a command."""
    return next(commands[name] for commands in COMMANDS.values() if name in commands)


def build() -> typer.Typer:
    """The command line, with a line for each command."""
    root = typer.Typer(cls=Lazy, no_args_is_help=True, pretty_exceptions_enable=False)
    root.callback(help="A city's sounds, never words.")(_root)
    for role, commands in COMMANDS.items():
        for name, summary in commands.items():
            root.command(name, help=summary, rich_help_panel=role)(_not_loaded)
    return root


def main() -> None:
    """Run the command line; every way to end has its own status (`cityhum.status`)."""
    end_with(lambda: build()(standalone_mode=False))


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # as Typer calls it
    if wanted:
        typer.echo(f"cityhum {metadata.version('cityhum')}")
        raise typer.Exit


def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="say it, leave")
    ] = False,
) -> None:
    """Take what every command takes."""


def _not_loaded() -> None:
    """Stand for a command in the list of commands."""

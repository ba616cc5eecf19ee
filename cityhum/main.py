"""`cityhum`: the groups of commands, each imported only when it is called."""

import sys
from importlib import import_module
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

from schemas.errors import CityhumError

COMMANDS = {
    "agent": "Run on the device: listen, measure, publish.",
    "simulate": "Publish readings of simulated devices in rendered streets.",
    "simulate-sites": "Print a sites file for thousands of simulated devices.",
    "listen": "Levels, labels and events of sound files, without any broker.",
    "bridge": "Relay MQTT messages into Kafka.",
    "work": "Run a processor: classify, windows, alerts, archive or relay.",
    "replay": "Run a past span again into a shadow: other rules, another model, newer code.",
    "topics": "Create and check the Kafka topics.",
    "migrate": "Bring the database to this version and load the sites.",
    "rules": "Check alert rules.",
    "verdicts": "Say which alerts were true, and count what was said.",
    "models": "List, check, add and pull models.",
    "evaluate": "Judge a model on labelled recordings.",
    "schemas": "Generate the JSON Schema files.",
}
"""Each is a module of this package with `app`: a Typer group, or a function if it has no verbs."""


def build(chosen: str | None) -> typer.Typer:
    """The command line with one command loaded: the agent must not pay for importing Faust."""
    root = typer.Typer(
        no_args_is_help=True, pretty_exceptions_enable=False, help="A city's sounds, never words."
    )
    for name, summary in COMMANDS.items():
        module = f"cityhum.{name.replace('-', '_')}"
        loaded = import_module(module).app if name == chosen else _not_loaded
        if isinstance(loaded, typer.Typer):
            root.add_typer(loaded, name=name, help=summary)
        else:
            root.command(name, help=summary)(loaded)
    return root


def main() -> None:
    """Run the command line; a mistake of the user is one line on stderr and status 2."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    try:
        sys.exit(build(words[0] if words else None)(standalone_mode=False))
    except CityhumError as error:
        _refuse(str(error))
    except TyperException as error:
        # without a command the message is empty: the help was printed already
        _refuse(f"{error.format_message().rstrip('.')}; see --help" if str(error) else "")
    except Abort:
        sys.exit(130)


def _refuse(why: str) -> NoReturn:
    if why:
        print(f"cityhum: {why}", file=sys.stderr)  # noqa: T201  # the command line's own voice
    sys.exit(2)


def _not_loaded() -> None:
    """Stand for a command in the list of commands."""

"""`cityhum api`: answer over HTTP; make the keys that may ask."""

import secrets
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from api import keys, service
from api.adapters import key_file
from api.keys import PREFIX, Key, KeyFile, Scope
from api.settings import ApiSettings
from cityhum import environment, logs
from cityhum.output import AsJson, answer
from cityhum.secret_files import alone_in, write_private
from schemas.errors import BadConfig

app = typer.Typer(invoke_without_command=True)
key_app = typer.Typer(no_args_is_help=True)
app.add_typer(key_app, name="key", help="Keys: who may ask what.")


@app.callback()
def api(context: typer.Context) -> None:
    """Serve the HTTP API; settings come from the environment (CITYHUM_API_...)."""
    if context.invoked_subcommand is None:
        settings = environment.read(ApiSettings)
        logs.configure(settings.log_level)
        # uvicorn raises the signal again that ended it
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        service.serve(settings)


@key_app.command()
def new(
    name: Annotated[str, typer.Argument(help="whose it is: letters, digits and hyphens")],
    scope: Annotated[list[Scope], typer.Option(help="what it may ask; may be repeated")],
    per_minute: Annotated[int, typer.Option(min=1, help="how often, in the long run")] = 600,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once; its digest goes into CITYHUM_API_KEYS_FILE."""
    secret = PREFIX + secrets.token_urlsafe(32)
    add(environment.read(ApiSettings).keys_file, keys.made(name, scope, secret, per_minute))
    answer({"name": name, "key": secret}, secret, as_json=as_json)


def add(path: Path, key: Key) -> None:
    """Add a key to a file, made if there is none.

    Raises
    ------
    BadConfig
        If the file is wrong, has a key of this name, or cannot be written.
    """
    try:
        with alone_in(path.parent):
            before = key_file.read(path) if path.exists() else KeyFile()
            write_private(path, keys.written(keys.added(before, key)))
    except OSError as error:
        raise BadConfig(f"{error.filename}: {error.strerror}") from None

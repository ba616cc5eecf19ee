"""`cityhum models`: what hears, what it may be used for, and whether it is what it says."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hearing.adapters import hub, runtime, shelf
from hearing.adapters.shelf import Entry
from hearing.manifest import Frontend, Manifest, Precision
from schemas.base import Frozen
from schemas.errors import BadConfig

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Shelf = Annotated[
    Path, typer.Option("--models", envvar="CITYHUM_MODELS_FOLDER", help="the folder of models")
]
LARGEST_MB: Final = 200


class Row(Frozen):
    """A model, as `list --json` prints it; of one that is refused, only why."""

    model: str
    refused: str | None = None
    name: str | None = None
    version: str | None = None
    frontend: Frontend | None = None
    precision: Precision | None = None
    labels: tuple[str, ...] = ()
    licence: str | None = None
    commercial_use: bool | None = None
    bytes: int | None = None
    sha256: str | None = None


class Checked(Frozen):
    """What `check --json` prints of a model."""

    model: str
    identity: str | None
    labels: int
    refused: str | None


@app.callback()
def models() -> None:
    """What hears, what it may be used for, and whether it is what it says."""


@app.command(name="list")
def list_models(shelf_folder: Shelf = runtime.MODELS, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Every model here: front end, labels, licence, size."""
    rows = [row_of(entry) for entry in shelf.entries(shelf_folder)]
    if as_json:
        _print_json([row.model_dump(mode="json") for row in rows])
    else:
        Console(markup=False).print(_table(rows))


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="names or folders; all")] = None,
    shelf_folder: Shelf = runtime.MODELS,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Load models as the processors do, and let them hear silence; status 2 if one is refused."""
    chosen = names or [str(shelf_folder / each.name) for each in shelf.entries(shelf_folder)]
    found = [checked(name) for name in chosen]
    if as_json:
        _print_json([each.model_dump(mode="json") for each in found])
    for each in found:
        if each.refused:
            print(f"cityhum: {each.refused}", file=sys.stderr)  # noqa: T201  # others follow
        elif not as_json:
            typer.echo(f"{each.model}: sound, {each.labels} labels, {each.identity}")
    if any(each.refused for each in found):
        raise typer.Exit(2)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="holds manifest.json and what it names")],
    shelf_folder: Shelf = runtime.MODELS,
) -> None:
    """Check a model, then copy it to the others; one that is there already stays as it is."""
    _tell(*shelf.add(folder, shelf_folder))


@app.command()
def pull(
    repo: Annotated[str, typer.Argument(help="owner/name on the hub")],
    revision: Annotated[str, typer.Option(help="branch, tag or commit")] = "main",
    largest_mb: Annotated[int, typer.Option("--largest-mb", min=1, help="of weights")] = LARGEST_MB,
    shelf_folder: Shelf = runtime.MODELS,
) -> None:
    """Fetch a model from a hub, check it, then add it; says which commit it was."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            commit = hub.fetch(repo, revision, Path(folder), largest_mb * 1_000_000)
            typer.echo(f"{repo} at {commit}")
            _tell(*shelf.add(Path(folder), shelf_folder))
        except BadConfig as error:
            raise BadConfig(str(error).replace(folder, repo)) from error


def row_of(entry: Entry) -> Row:
    """What the list says of a model."""
    said = entry.manifest
    if not isinstance(said, Manifest):
        return Row(model=entry.name, refused=said)
    return Row(
        model=entry.name, name=said.name, version=said.version, frontend=said.input.frontend,
        precision=said.precision, labels=said.labels, licence=said.licence,
        commercial_use=said.commercial_use, bytes=entry.size, sha256=said.sha256,
    )  # fmt: skip


def checked(name: str) -> Checked:
    """Load a model by name or folder, and tell how that went."""
    try:
        said = runtime.load(name).manifest
    except BadConfig as error:
        return Checked(model=name, identity=None, labels=0, refused=str(error))
    return Checked(model=name, identity=said.identity, labels=len(said.labels), refused=None)


def _tell(target: Path, new: bool) -> None:  # noqa: FBT001  # a word of the answer
    typer.echo(f"{target} {'added' if new else 'was there already'}")


def _print_json(found: list[dict[str, object]]) -> None:
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))


def _table(rows: list[Row]) -> Table:
    table = Table(box=None)
    for column in ("model", "front end", "weights", "labels", "MB"):
        right = column in {"labels", "MB"}
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    table.add_column("licence")
    for row in rows:
        if row.refused is not None:
            table.add_row(row.model, "refused")  # `check` says why
            continue
        use = "also commercial use" if row.commercial_use else "no commercial use"
        table.add_row(
            f"{row.model}\n  @{(row.sha256 or '')[:12]}", row.frontend, row.precision,
            str(len(row.labels)), f"{(row.bytes or 0) / 1e6:.2f}", f"{row.licence}\n{use}",
        )  # fmt: skip
    return table

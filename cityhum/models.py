"""`cityhum models`: what hears, what it may be used for, and whether it is what it says."""

import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cityhum.options import Shelf
from cityhum.output import AsJson, answer, tracked
from cityhum.status import Status
from hearing.adapters import hub, runtime, shelf
from hearing.adapters.shelf import Entry
from hearing.manifest import Frontend, Manifest, Precision
from schemas.base import Frozen
from schemas.errors import BadConfig

app = typer.Typer(no_args_is_help=True)

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
def list_models(shelf_folder: Shelf = runtime.MODELS, *, as_json: AsJson = False) -> None:
    """Every model here: front end, labels, licence, size."""
    rows = [row_of(entry) for entry in shelf.entries(shelf_folder)]
    answer(rows, _table(rows), as_json=as_json)


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="names or folders; all")] = None,
    shelf_folder: Shelf = runtime.MODELS,
    *,
    as_json: AsJson = False,
) -> None:
    """Load models as the processors do, and let them hear silence; status 1 if one is refused."""
    chosen = names or [each.name for each in shelf.entries(shelf_folder)]
    found = [checked(shelf.find(name, shelf_folder)) for name in tracked(chosen, "Listening")]
    answer(found, "\n".join(map(_sentence, found)), as_json=as_json)
    if any(each.refused for each in found):
        raise typer.Exit(Status.PROBLEMS)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="holds manifest.json and what it names")],
    shelf_folder: Shelf = runtime.MODELS,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a model, then copy it to the others; one that is there already stays as it is."""
    answer(*_added(*shelf.add(folder, shelf_folder)), as_json=as_json)


@app.command()
def pull(
    repo: Annotated[str, typer.Argument(help="owner/name on the hub")],
    revision: Annotated[str, typer.Option(help="branch, tag or commit")] = "main",
    largest_mb: Annotated[int, typer.Option("--largest-mb", min=1, help="of weights")] = LARGEST_MB,
    shelf_folder: Shelf = runtime.MODELS,
    *,
    as_json: AsJson = False,
) -> None:
    """Fetch a model from a hub, check it, then add it; says which commit it was."""
    with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status(f"fetching {repo}"):
        try:
            commit = hub.fetch(repo, revision, Path(folder), largest_mb * 1_000_000)
            told, said = _added(*shelf.add(Path(folder), shelf_folder))
        except BadConfig as error:
            raise BadConfig(str(error).replace(folder, repo)) from error
    from_hub = {"repository": repo, "commit": commit}
    answer({**told, **from_hub}, f"{repo} at {commit}\n{said}", as_json=as_json)


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


def _sentence(found: Checked) -> str:
    if found.refused is not None:
        return f"refused: {found.refused}"
    return f"{found.model}: sound, {found.labels} labels, {found.identity}"


def _added(target: Path, new: bool) -> tuple[dict[str, object], str]:  # noqa: FBT001  # an answer
    said = f"{target} {'added' if new else 'was there already'}"
    return {"folder": str(target), "added": new}, said


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

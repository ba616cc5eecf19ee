"""`cityhum schemas`: JSON Schema files and the AsyncAPI document, reviewed like code."""

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas import asyncapi, envelopes, messages, results
from schemas.base import Frozen

PUBLISHED: tuple[type[Frozen], ...] = (
    messages.FeatureBatch,
    messages.ResultBatch,
    messages.Indices,
    messages.Status,
    messages.Ack,
    envelopes.FeatureEnvelope,
    envelopes.ResultEnvelope,
    envelopes.ReadingEnvelope,
    results.Window,
    results.Alert,
    results.DeadLetter,
)


def documents() -> dict[str, str]:
    """File name -> JSON Schema of each published message, serialized form."""
    return {
        f"{kind.__name__}.v1.json": json.dumps(
            kind.model_json_schema(mode="serialization"), indent=2, ensure_ascii=False
        )
        + "\n"
        for kind in PUBLISHED
    }


def asyncapi_text() -> str:
    """The AsyncAPI document, as its file holds it."""
    return json.dumps(asyncapi.document(), indent=2, ensure_ascii=False) + "\n"


app = typer.Typer()


@app.callback(invoke_without_command=True)
def write(context: typer.Context) -> None:
    """Write all files that are generated of the message classes."""
    if context.invoked_subcommand is None:
        write_json()
        write_asyncapi()


@app.command(name="json")
def write_json(
    folder: Annotated[Path, typer.Argument(help="where to write")] = Path("schemas/json"),
) -> None:
    """Write one JSON Schema file per message version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
        typer.echo(folder / name)


@app.command(name="asyncapi")
def write_asyncapi(
    file: Annotated[Path, typer.Argument(help="where to write")] = Path("schemas/asyncapi.json"),
) -> None:
    """Write the AsyncAPI document: topics of MQTT and Kafka, and their messages."""
    file.write_text(asyncapi_text(), encoding="utf-8")
    typer.echo(file)

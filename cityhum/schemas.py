"""`cityhum schemas`: the JSON Schema files of every message, reviewed like code."""

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas import envelopes, messages, results
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


def app(
    folder: Annotated[Path, typer.Argument(help="where to write")] = Path("schemas/json"),
) -> None:
    """Write one JSON Schema file per message version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
        typer.echo(folder / name)

"""What is answered: models for the documents, and rows as JSON or CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, get_type_hints

import orjson
from fastapi.responses import Response
from pydantic import BaseModel, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema

CSV: Final = "text/csv"
GEOJSON: Final = "application/geo+json"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class AsObject:
    """Annotation of a row: an object with the names of its fields, in the documents as in JSON."""

    def __get_pydantic_core_schema__(
        self, row: type[NamedTuple], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        hints = get_type_hints(row, include_extras=True)
        fields: dict[str, Any] = {name: (hint, ...) for name, hint in hints.items()}
        return handler.generate_schema(create_model(row.__name__, __doc__=row.__doc__, **fields))


def also(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the other forms of an answer."""
    schemas = {CSV: {"type": "string"}, GEOJSON: {"type": "object"}}
    return {200: {"content": {one: {"schema": schemas[one]} for one in media_types}}}


def as_json(
    content: object, media_type: str = "application/json", more: str | None = None
) -> Response:
    """Answer in JSON; times end with Z."""
    body = orjson.dumps(content, _plain, orjson.OPT_UTC_Z)
    return Response(body, 200, _headers(more), media_type)


def as_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], more: str | None = None
) -> Response:
    """Answer as a table with a line of names; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _cell(row[name]) for name in columns} for row in rows)
    return Response(text.getvalue(), 200, _headers(more), CSV)


def _headers(more: str | None) -> Mapping[str, str]:
    """Headers of an answer; with the cursor of the next page, where the body has no place."""
    return _HEADERS if more is None else {**_HEADERS, "Next-Cursor": more}


def _cell(value: object) -> object:
    """Times end with Z; what a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _plain(value: object) -> object:
    """What orjson does not know: rows and messages."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    raise TypeError(type(value).__name__)

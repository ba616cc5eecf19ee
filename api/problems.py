"""Every error as problem+json (RFC 9457): one clear sentence, and what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Field
from starlette.exceptions import HTTPException

from records.devices import UnknownDevice
from schemas.base import Frozen
from schemas.errors import BadQuestion, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
TRY_AGAIN_S: Final = 5


class Problem(Frozen):
    """What went wrong."""

    type: str = "about:blank"
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="one sentence for people")


def handle(app: FastAPI) -> None:
    """Let an application answer with problems."""
    app.exception_handler(UnknownDevice)(_unknown)
    app.exception_handler(BadQuestion)(_bad_question)
    app.exception_handler(Unavailable)(_unavailable)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(Exception)(_bug)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these statuses."""
    schema = Problem.model_json_schema()
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def _answer(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    # a body that is on its way is left unread: nobody waits for the rest of two gigabytes
    sends = {"content-length", "transfer-encoding"}.intersection(request.headers)
    closing = {"Connection": "close"} if sends else {}
    return Response(problem.model_dump_json(), status, {**(headers or {}), **closing}, MEDIA_TYPE)


def _unknown(request: Request, error: Exception) -> Response:
    return _answer(request, 404, str(error))


def _bad_question(request: Request, error: Exception) -> Response:
    return _answer(request, 422, str(error))


def _unavailable(request: Request, error: Exception) -> Response:
    return _answer(request, 503, str(error), {"Retry-After": str(TRY_AGAIN_S)})


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return _answer(request, error.status_code, error.detail, error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _answer(request, 422, f"{where}: {first['msg']}")


def _bug(request: Request, _: Exception) -> Response:
    return _answer(request, 500, "a mistake of ours; it is in the log")

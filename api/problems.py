"""Every error as problem+json (RFC 9457): one clear sentence, and what to do."""

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


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Response that tells a problem."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return Response(problem.model_dump_json(), status, headers, MEDIA_TYPE)


def _unknown(_: Request, error: Exception) -> Response:
    return answer(404, str(error))


def _bad_question(_: Request, error: Exception) -> Response:
    return answer(422, str(error))


def _unavailable(_: Request, error: Exception) -> Response:
    return answer(503, str(error), {"Retry-After": str(TRY_AGAIN_S)})


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return answer(error.status_code, error.detail, dict(error.headers or {}))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return answer(422, f"{where}: {first['msg']}")


def _bug(_: Request, __: Exception) -> Response:
    return answer(500, "a mistake of ours; it is in the log")

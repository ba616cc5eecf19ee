"""Alerts: found, and live."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field
from starlette.exceptions import HTTPException

from api import geo
from api.access import key_with
from api.answers import CSV, GEOJSON, AsObject, also, as_csv, as_json
from api.asking import Cursor, LastDay, Limit, Wanted, Which
from api.keys import Scope
from api.services import Asked
from records import alerts as questions
from records.alerts import Alert
from schemas.base import Frozen

router = APIRouter(prefix="/v1", tags=["alerts"], dependencies=[key_with(Scope.ALERTS)])

OneAlert = Annotated[Alert, AsObject()]


class AlertsAnswer(Frozen):
    """A page of alerts, newest first."""

    alerts: tuple[OneAlert, ...]
    next: str | None
    live: str | None = Field(
        description="Last-Event-ID with which /v1/alerts/live goes on from the first page; "
        "null on the others, which are as old as that"
    )


@router.get("/alerts", response_model=AlertsAnswer, responses=also(CSV, GEOJSON))
def alerts(
    asked: Asked,
    wanted: Wanted,
    span: LastDay,
    which: Which,
    open_only: Annotated[bool, Query(alias="open", description="only those not over")] = False,  # noqa: FBT002
    cursor: Cursor = None,
    limit: Limit = 200,
) -> Response:
    """Alerts whose sound began within a span, newest first, with what operators said of them."""
    asked.require(which.devices)
    # before asking, and of the first page: what comes between is told twice rather than never
    live = asked.place() if cursor is None else None
    chosen = questions.Wanted(*which, open_only)
    page = asked.alerts(span, chosen, cursor=cursor, limit=limit)
    if wanted == "geojson":
        return as_json(geo.of_alerts(page.items, asked.devices()), GEOJSON, page.next)
    if wanted == "csv":
        return as_csv(Alert._fields, map(Alert._asdict, page.items), page.next)
    return as_json({"alerts": page.items, "next": page.next, "live": live})


@router.get("/alerts/{alert_id}", response_model=OneAlert)
def alert(asked: Asked, alert_id: UUID) -> Response:
    """One alert."""
    found = asked.alert(alert_id)
    if found is None:
        raise HTTPException(404, f"no alert {alert_id}")
    return as_json(found)

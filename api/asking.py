"""How questions are put: the parameters that several of them share."""

import re
from collections.abc import Mapping
from datetime import date, timedelta, timezone
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import Depends, Header, Query, Request
from pydantic import BeforeValidator, Field
from starlette.exceptions import HTTPException

from api.services import Known
from records.spans import AHEAD, MOST_POINTS, Span
from schemas.base import DeviceId, SiteId, SlugId, UtcTime
from schemas.results import Alert

MOST_DEVICES: Final = 50
RESOLUTIONS: Final = {"1s": 1, "10s": 10, "1min": 60, "15min": 900, "1h": 3600, "1day": 86400}

Resolution = Literal["1s", "10s", "1min", "15min", "1h", "1day"]
WindowLength = Literal["10s", "1min", "15min", "1h", "1day"]
Format = Literal["json", "csv", "geojson"]

Devices = Annotated[
    list[DeviceId],
    Query(alias="device", min_length=1, max_length=MOST_DEVICES, description="may be repeated"),
]
_AnyDevices = Annotated[
    tuple[DeviceId, ...],
    Query(alias="device", max_length=MOST_DEVICES, description="may be repeated; none: all"),
]
_AnyRules = Annotated[tuple[SlugId, ...], Query(alias="rule", max_length=50)]
Points = Annotated[
    int,
    Query(ge=1, le=MOST_POINTS, description="at most so many, all devices together"),
]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next` of the page before; none: the first")
]
Limit = Annotated[int, Query(ge=1, le=1000, description="items on a page")]
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _written(pattern: re.Pattern[str], example: str) -> BeforeValidator:
    """Take text of one form only: pydantic would also read numbers as seconds of 1970."""

    def checked(text: object) -> object:
        if isinstance(text, str) and not pattern.fullmatch(text):
            raise ValueError(f"write it as {example}")
        return text

    return BeforeValidator(checked)


_Instant = Annotated[UtcTime, _written(_INSTANT, "2026-05-04T10:00:00Z")]
_Day = Annotated[
    date, Field(ge=date(1971, 1, 1), lt=date(9998, 1, 1)), _written(_DATE, "2026-05-04")
]
_From = Annotated[
    _Instant | None, Query(alias="from", description="with its zone: 2026-05-04T10:00:00Z")
]
_To = Annotated[_Instant | None, Query(alias="to", description="not included; none: now")]
_ToAhead = Annotated[
    _Instant | None,
    Query(alias="to", description="not included; none: a minute ahead, as clocks may be"),
]
_MEDIA_TYPES: Final[dict[str, Format]] = {"text/csv": "csv", "application/geo+json": "geojson"}


def _last_hour(services: Known, begin: _From = None, end: _To = None) -> Span:
    end = end or services.now()
    return Span(begin or end - timedelta(hours=1), end)


def _last_day(services: Known, begin: _From = None, end: _ToAhead = None) -> Span:
    end = end or services.now() + AHEAD
    return Span(begin or end - timedelta(days=1), end)


LastHour = Annotated[Span, Depends(_last_hour)]
LastDay = Annotated[Span, Depends(_last_day)]


_EARLIEST: Final = timezone(timedelta(hours=14))
"""Where a date begins first: dates are those of the sites, and today of each is wanted."""


def _days(
    services: Known,
    first: Annotated[_Day | None, Query(alias="from", description="none: 30 days")] = None,
    last: Annotated[
        _Day | None, Query(alias="to", description="included; none: the latest there is anywhere")
    ] = None,
) -> tuple[date, date]:
    last = last or services.now().astimezone(_EARLIEST).date()
    return first or last - timedelta(days=29), last


Days = Annotated[tuple[date, date], Depends(_days)]


def _wanted(
    accept: Annotated[str, Header(description="application/json, or another that is offered")] = "",
    format_: Annotated[
        Format | None, Query(alias="format", description="instead of the header Accept")
    ] = None,
) -> Format:
    if format_ is not None:
        return format_
    return next((found for name, found in _MEDIA_TYPES.items() if name in accept), "json")


Wanted = Annotated[Format, Depends(_wanted)]


class Filter(NamedTuple):
    """Which alerts; nothing: all."""

    devices: tuple[str, ...]
    site: str | None
    rules: tuple[str, ...]

    def wants(self, alert: Alert) -> bool:
        """Whether an alert passes."""
        return (
            (not self.devices or alert.device in self.devices)
            and (self.site is None or alert.site == self.site)
            and (not self.rules or alert.rule in self.rules)
        )


def _filter(devices: _AnyDevices = (), site: SiteId | None = None, rules: _AnyRules = ()) -> Filter:
    return Filter(devices, site, rules)


Which = Annotated[Filter, Depends(_filter)]


async def only_known(request: Request) -> None:
    """Refuse a parameter that nobody reads, or of which all but one would be passed over.

    One letter wrong, and `from` would mean always.

    Raises
    ------
    HTTPException
        422, with those that are read.
    """
    documents = request.app.openapi()["paths"][request.scope["route"].path]
    parameters = documents[request.method.lower()].get("parameters", ())
    known = {one["name"]: _is_list(one["schema"]) for one in parameters if one["in"] == "query"}
    for name in request.query_params:
        if name not in known:
            raise HTTPException(422, f"unknown parameter {name!r}: {', '.join(sorted(known))}")
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise HTTPException(422, f"parameter {name!r} may be given once")


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))

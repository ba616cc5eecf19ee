"""Devices, levels, labels, windows and indicators."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from api import geo
from api.access import key_with
from api.answers import CSV, GEOJSON, AsObject, also, as_csv, as_json
from api.asking import (
    RESOLUTIONS,
    Cursor,
    Days,
    Devices,
    LastHour,
    Limit,
    Points,
    Resolution,
    Wanted,
    WindowLength,
)
from api.keys import Scope
from api.services import Asked
from records.days import MonthLevels
from records.devices import Device
from records.indicators import DayLevels
from records.labels import LabelWindow
from records.levels import Level
from records.spans import affordable, covered, finest
from schemas.base import Frozen, Label, SiteId
from schemas.results import Window

router = APIRouter(prefix="/v1", tags=["record"], dependencies=[key_with(Scope.LEVELS)])


class DevicesAnswer(Frozen):
    """Devices that are installed today."""

    devices: tuple[Annotated[Device, AsObject()], ...]


class Series(Frozen):
    """Levels of one device; what was not heard has none."""

    device: str
    coverage: float = Field(ge=0, le=1, description="share of the span that was heard")
    levels: tuple[Annotated[Level, AsObject()], ...]


class LevelsAnswer(Frozen):
    """Levels of each device that was asked for, in the order of asking."""

    begin: datetime
    end: datetime
    resolution_s: int
    series: tuple[Series, ...]


class LabelsAnswer(Frozen):
    """A page of labels, by time, device and label."""

    labels: tuple[Annotated[LabelWindow, AsObject()], ...]
    next: str | None


class WindowsAnswer(Frozen):
    """A page of windows as `windows.v1` has them, by time and device."""

    windows: tuple[Window, ...]
    next: str | None


class IndicatorsAnswer(Frozen):
    """A row for each device and date."""

    indicators: tuple[Annotated[DayLevels, AsObject()], ...]


class MonthsAnswer(Frozen):
    """A row for each device and month."""

    indicators: tuple[Annotated[MonthLevels, AsObject()], ...]


@router.get("/devices", response_model=DevicesAnswer, responses=also(CSV, GEOJSON))
def devices(
    asked: Asked, wanted: Wanted, site: Annotated[SiteId | None, Query()] = None
) -> Response:
    """Devices that are installed today, where they stand and whether they are heard."""
    found = asked.devices(site)
    if wanted == "geojson":
        return as_json(geo.of_devices(found), GEOJSON)
    if wanted == "csv":
        return as_csv(Device._fields, map(Device._asdict, found))
    return as_json({"devices": found})


@router.get("/levels", response_model=LevelsAnswer, responses=also(CSV))
def levels(
    asked: Asked,
    wanted: Wanted,
    devices: Devices,
    span: LastHour,
    points: Points = 2000,
    resolution: Resolution | None = None,
) -> Response:
    """Levels over time, as measured, dB.

    Without `resolution`, the finest that keeps to `points`: seconds for minutes, days for years.
    """
    length_s = (
        affordable(span, RESOLUTIONS[resolution], len(devices))
        if resolution
        else finest(span, points, len(devices))
    )
    asked.require(devices)
    found = asked.levels(devices, span, length_s)
    if wanted == "csv":
        return as_csv(Level._fields, map(Level._asdict, found))
    return as_json(
        {
            "begin": span.begin,
            "end": span.end,
            "resolution_s": length_s,
            "series": _series(devices, found, lambda heard_s: covered(span, length_s, heard_s)),
        }
    )


@router.get("/labels", response_model=LabelsAnswer, responses=also(CSV))
def labels(
    asked: Asked,
    wanted: Wanted,
    devices: Devices,
    span: LastHour,
    length: WindowLength = "1min",
    label: Annotated[list[Label] | None, Query(max_length=50)] = None,
    cursor: Cursor = None,
    limit: Limit = 200,
) -> Response:
    """Labels that were active in windows of one length: how long, how sure, how loud."""
    asked.require(devices)
    page = asked.labels(
        devices, span, RESOLUTIONS[length], labels=label, cursor=cursor, limit=limit
    )
    if wanted == "csv":
        return as_csv(LabelWindow._fields, map(LabelWindow._asdict, page.items), page.next)
    return as_json({"labels": page.items, "next": page.next})


@router.get("/windows", response_model=WindowsAnswer, responses=also(CSV))
def windows(
    asked: Asked,
    wanted: Wanted,
    devices: Devices,
    span: LastHour,
    length: WindowLength = "1min",
    cursor: Cursor = None,
    limit: Limit = 200,
) -> Response:
    """Windows of one length with their labels, as `windows.v1` has them; as CSV without labels."""
    asked.require(devices)
    page = asked.windows(devices, span, RESOLUTIONS[length], cursor=cursor, limit=limit)
    if wanted == "csv":
        columns = [name for name in Window.model_fields if name not in {"version", "labels"}]
        return as_csv(columns, map(Window.model_dump, page.items), page.next)
    return as_json({"windows": page.items, "next": page.next})


@router.get("/indicators", response_model=IndicatorsAnswer, responses=also(CSV))
def indicators(asked: Asked, wanted: Wanted, devices: Devices, days: Days) -> Response:
    """Ld, Le, Ln and Lden by date of the site, with coverage; a date that nobody heard says 0."""
    asked.require(devices)
    found = asked.indicators(devices, *days)
    if wanted == "csv":
        return as_csv(DayLevels._fields, map(DayLevels._asdict, found))
    return as_json({"indicators": found})


@router.get("/indicators/months", response_model=MonthsAnswer, responses=also(CSV))
def months(asked: Asked, wanted: Wanted, devices: Devices, days: Days) -> Response:
    """Ld, Le, Ln and Lden of the months that these dates lie in, whole, with coverage."""
    asked.require(devices)
    found = asked.months(devices, *days)
    if wanted == "csv":
        return as_csv(MonthLevels._fields, map(MonthLevels._asdict, found))
    return as_json({"indicators": found})


def _series(
    devices: Sequence[str], found: Iterable[Level], coverage: Callable[[float], float]
) -> list[object]:
    by_device: dict[str, list[Level]] = {device: [] for device in devices}
    for level in found:
        by_device[level.device].append(level)
    return [
        {
            "device": device,
            "coverage": coverage(sum(level.coverage_s for level in levels)),
            "levels": levels,
        }
        for device, levels in by_device.items()
    ]

"""A dashboard as Grafana's JSON: panels from left to right, row by row. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

SCHEMA: Final = 41
"""Of Grafana 12; it reads older ones."""

_COLUMNS: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "cityhum"}
_OTHERS: Final = {"type": "dashboards", "tags": ["cityhum"], "title": "cityhum", "asDropdown": True}
_FIRING: Final = {
    "name": "alerts",
    "datasource": _SOURCE,
    "enable": True,
    "iconColor": "red",
    "expr": 'ALERTS{alertstate="firing"}',
    "titleFormat": "{{alertname}}",
    "textFormat": "{{process}} {{program}} {{target}} {{label}}",
    "step": "60s",
}
Kind = Literal["timeseries", "stat", "state-timeline", "bargauge"]


class Query(NamedTuple):
    """What is asked of Prometheus, and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure.

    Attributes
    ----------
    title, tells : str
        What it shows, and how to read it.
    queries : sequence of Query
    unit : str
        One of Grafana's: `s`, `short`, `percentunit`, `bytes`, `suffix: /s`.
    kind : Kind
    width, height : int
        Of 24 columns; in rows of 30 px.
    bad_above : float, optional
        From where on it is red.
    """

    title: str
    tells: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    bad_above: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels."""

    name: str
    tells: str
    panels: Sequence[Panel]


def stat(title: str, tells: str, expr: str, *, unit: str = "short", bad: float | None) -> Panel:
    """One number of now, of eight side by side; red above `bad`."""
    query = Query(expr)
    return Panel(title, tells, [query], unit, "stat", width=3, height=4, bad_above=bad)


def document(dashboard: Dashboard) -> Mapping[str, Any]:
    """Return what Grafana's provisioning reads."""
    return {
        "uid": f"cityhum-{dashboard.name}",
        "title": dashboard.name.capitalize(),
        "description": dashboard.tells,
        "tags": ["cityhum"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": [_FIRING]},
        "links": [_OTHERS],
        "templating": {"list": []},
        "panels": list(_placed(dashboard.panels)),
    }


def _placed(panels: Sequence[Panel]) -> Iterator[Mapping[str, Any]]:
    x = y = row = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _COLUMNS:
            x, y, row = 0, y + row, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        yield {"id": number, "gridPos": place, **_drawn(panel)}
        x, row = x + panel.width, max(row, panel.height)


def _drawn(panel: Panel) -> Mapping[str, Any]:
    steps: list[Mapping[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_above is not None:
        steps.append({"color": "red", "value": panel.bad_above})
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.tells,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {**defaults, **_custom(panel)}, "overrides": []},
        "options": _options(panel),
        "targets": [_target(number, query) for number, query in enumerate(panel.queries)],
    }


def _custom(panel: Panel) -> Mapping[str, Any]:
    if panel.kind != "timeseries":
        return {}
    limit = "off" if panel.bad_above is None else "line"
    drawn = {"lineWidth": 1, "fillOpacity": 8, "thresholdsStyle": {"mode": limit}}
    return {"min": 0, "custom": drawn}


def _options(panel: Panel) -> Mapping[str, Any]:
    if panel.kind == "stat":
        return {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}}
    if panel.kind == "bargauge":
        return {"orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}


def _target(number: int, query: Query) -> Mapping[str, Any]:
    return {
        "refId": chr(ord("A") + number),
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
    }

"""Rows -> figures. Pure; colours from scales that colour-blind people can read."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from schemas.base import ACTIVE_SCORE

LEVEL_RANGE_DB: Final = (40.0, 90.0)
LIGHT_FROM_DB: Final = 72.0
"""The colour scale is light above this: letters on it are dark."""

ALERT_COLOUR: Final = "#d55e00"
LEVEL_COLOUR: Final = "#0072b2"
BAND_COLOUR: Final = "rgba(0, 114, 178, 0.18)"
LAYOUT: Final = {"margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "template": "plotly_white"}


def city_plane(city: pd.DataFrame) -> go.Figure:
    """Devices at their places, coloured by LAeq of the last 10 s, ringed while an alert is open.

    Parameters
    ----------
    city : DataFrame
        Rows of `queries.city_now`.
    """
    figure = go.Figure(layout={**LAYOUT, "height": 560, "showlegend": False})
    _rings(figure, city[city.alerts.notna()])
    _crosses(figure, city[city.laeq_10s_db.isna()])
    _discs(figure, city[city.laeq_10s_db.notna()])
    figure.update_xaxes(title="longitude", zeroline=False)
    # a degree of longitude is shorter than one of latitude: 0.58 at 54.3° north
    figure.update_yaxes(title="latitude", zeroline=False, scaleanchor="x", scaleratio=1.7)
    return figure


def level_lines(levels: pd.DataFrame, alerts: pd.DataFrame) -> go.Figure:
    """LAeq,1s and LAFmax over time; gaps stay gaps; alerts as shaded spans."""
    levels = with_gaps(levels, step_s=1.0)
    figure = go.Figure(layout={**LAYOUT, "height": 300, "hovermode": "x unified"})
    figure.add_scatter(
        x=levels.started_at, y=levels.lafmax_db, name="LAFmax", line={"color": "#bbbbbb"}
    )
    figure.add_scatter(
        x=levels.started_at, y=levels.laeq_1s_db, name="LAeq,1s", line={"color": LEVEL_COLOUR}
    )
    return _with_alerts(figure, alerts, levels)


def window_band(windows: pd.DataFrame, alerts: pd.DataFrame) -> go.Figure:
    """LAeq of windows within its band from L90 to L10; gaps stay gaps."""
    step_s = float(windows.length_s.iloc[0]) if len(windows) else 60.0
    windows = with_gaps(windows, step_s=step_s)
    figure = go.Figure(layout={**LAYOUT, "height": 300, "hovermode": "x unified"})
    edge = {"width": 0.5, "color": BAND_COLOUR}
    figure.add_scatter(x=windows.started_at, y=windows.l10_db, name="L10", line=edge)
    figure.add_scatter(
        x=windows.started_at,
        y=windows.l90_db,
        name="L90",
        line=edge,
        fill="tonexty",
        fillcolor=BAND_COLOUR,
    )
    figure.add_scatter(
        x=windows.started_at, y=windows.laeq_db, name="LAeq", line={"color": LEVEL_COLOUR}
    )
    return _with_alerts(figure, alerts, windows)


def label_timeline(labels: pd.DataFrame) -> go.Figure:
    """Active labels, one row each, one mark a second, darker with a higher score."""
    figure = go.Figure(layout={**LAYOUT, "height": 60 + 26 * max(labels.label.nunique(), 3)})
    figure.add_scatter(
        x=labels.started_at,
        y=labels.label,
        mode="markers",
        marker={
            "symbol": "square",
            "size": 9,
            "color": labels.score,
            "colorscale": "Cividis",
            "reversescale": True,
            "cmin": ACTIVE_SCORE,
            "cmax": 1000,
        },
        hovertemplate="%{y}: %{marker.color} ‰<extra></extra>",
    )
    figure.update_yaxes(categoryorder="category descending")
    return figure


def same_span(figures: Sequence[go.Figure], rows: pd.DataFrame) -> None:
    """Give figures one time axis, so that what stands above each other happened together."""
    for figure in figures:
        figure.update_xaxes(range=[rows.started_at.min(), rows.started_at.max()])
        figure.update_layout(
            margin_l=110, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"}
        )
        figure.update_yaxes(automargin=False)


def with_gaps(rows: pd.DataFrame, *, step_s: float) -> pd.DataFrame:
    """Insert an empty row wherever a step is missing, so that no line crosses a gap.

    >>> import pandas as pd
    >>> seconds = pd.to_datetime([0, 1, 5], unit="s", utc=True)
    >>> rows = pd.DataFrame({"started_at": seconds, "laeq_1s_db": [60.0, 61.0, 62.0]})
    >>> with_gaps(rows, step_s=1.0).laeq_1s_db.tolist()
    [60.0, 61.0, nan, 62.0]
    """
    if len(rows) < 2:  # noqa: PLR2004  # a gap needs two rows
        return rows
    missing = rows.started_at.diff().dt.total_seconds() > 1.5 * step_s
    gaps = rows.loc[missing, ["started_at"]] - pd.Timedelta(seconds=step_s / 2)
    merged: pd.DataFrame = pd.concat([rows, gaps]).sort_values("started_at")
    return merged.reset_index(drop=True)


def top_labels(labels: object, scores: object) -> str:
    """The active labels of one second, loudest claim first, for a table.

    >>> top_labels(["birds", "siren", "wind"], [510, 930, 120])
    'siren, birds'
    """
    if not isinstance(labels, list) or not isinstance(scores, list):
        return ""
    ranked = sorted(zip(scores, labels, strict=True), reverse=True)
    return ", ".join(label for score, label in ranked if score >= ACTIVE_SCORE)


def _rings(figure: go.Figure, alerting: pd.DataFrame) -> None:
    figure.add_scatter(
        x=alerting.longitude,
        y=alerting.latitude,
        mode="markers",
        hoverinfo="skip",
        marker={"size": 46, "color": "white", "line": {"width": 5, "color": ALERT_COLOUR}},
    )


def _crosses(figure: go.Figure, silent: pd.DataFrame) -> None:
    figure.add_scatter(
        x=silent.longitude,
        y=silent.latitude,
        mode="markers",
        text=silent.name,
        hovertemplate="%{text}<br>nothing heard for 10 s<extra></extra>",
        marker={"size": 14, "color": "#bbbbbb", "symbol": "x"},
    )


def _discs(figure: go.Figure, heard: pd.DataFrame) -> None:
    levels_db = heard.laeq_10s_db
    letters = ["black" if level > LIGHT_FROM_DB else "white" for level in levels_db]
    figure.add_scatter(
        x=heard.longitude,
        y=heard.latitude,
        mode="markers+text",
        text=[f"{level:.0f}" for level in levels_db],
        textfont={"size": 11, "color": letters},
        customdata=heard[["name", "laeq_10s_db"]],
        hovertemplate="%{customdata[0]}<br>LAeq,10s %{customdata[1]:.1f} dB<extra></extra>",
        marker={
            "size": 32,
            "color": levels_db,
            "colorscale": "Cividis",
            "cmin": LEVEL_RANGE_DB[0],
            "cmax": LEVEL_RANGE_DB[1],
            "colorbar": {"title": "LAeq,10s<br>dB", "thickness": 12},
        },
    )


def _with_alerts(figure: go.Figure, alerts: pd.DataFrame, rows: pd.DataFrame) -> go.Figure:
    last = rows.started_at.max() if len(rows) else None
    for alert in alerts.assign(ended_at=alerts.ended_at.fillna(last)).itertuples():
        figure.add_vrect(
            x0=alert.onset_at,
            x1=alert.ended_at,
            fillcolor=ALERT_COLOUR,
            opacity=0.18,
            line_width=0,
            annotation_text=alert.rule,
            annotation_position="top left",
        )
    figure.update_yaxes(title="dB")
    return figure

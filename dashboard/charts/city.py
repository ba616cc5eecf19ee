"""The map: devices at their places, without a map server."""

from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.style import ALERT, FAINT, INK, LEVEL_RANGE_DB, figure, plain

LIGHT_FROM_DB: Final = 74.0
"""The colour scale is light above this: letters on it are dark."""

_COLOURS: Final = {
    "colorscale": "Viridis",
    "cmin": LEVEL_RANGE_DB[0],
    "cmax": LEVEL_RANGE_DB[1],
    "colorbar": {
        "title": {"text": "LAeq,10s, dB", "side": "top"},
        "orientation": "h",
        "thickness": 10,
        "len": 0.5,
        "x": 1,
        "xanchor": "right",
        "y": 0,
        "yanchor": "top",
    },
}
_METRES_A_DEGREE: Final = 111_320.0
_SCALES_M: Final = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000)


def plane(city: pd.DataFrame) -> go.Figure:
    """Devices at their places, coloured by LAeq of the last 10 s, ringed while an alert is open.

    Parameters
    ----------
    city : DataFrame
        Fields of `records.city.Heard`.
    """
    placed = on_plane(city[city.latitude.notna() & city.longitude.notna()])
    drawn = figure(520, showlegend=False, margin={"l": 4, "r": 4, "t": 4, "b": 4})
    _rings(drawn, placed[placed.alerts.notna()])
    _crosses(drawn, placed[placed.laeq_10s_db.isna()])
    _discs(drawn, placed[placed.laeq_10s_db.notna()])
    if len(placed):
        _scale(drawn, placed)
    drawn.update_xaxes(visible=False)
    drawn.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)
    return drawn


def on_plane(placed: pd.DataFrame) -> pd.DataFrame:
    """Add `x_m` and `y_m`: metres east and north of the middle, as a town is flat.

    Examples
    --------
    >>> places = pd.DataFrame({"latitude": [60.0, 60.0], "longitude": [10.0, 10.01]})
    >>> on_plane(places).x_m.round().tolist()
    [-278.0, 278.0]
    """
    latitude, longitude = placed.latitude.astype(float), placed.longitude.astype(float)
    east = _METRES_A_DEGREE * np.cos(np.radians(latitude.mean()))
    return placed.assign(
        x_m=(longitude - longitude.mean()) * east,
        y_m=(latitude - latitude.mean()) * _METRES_A_DEGREE,
    )


def _rings(drawn: go.Figure, alerting: pd.DataFrame) -> None:
    drawn.add_scatter(
        x=alerting.x_m,
        y=alerting.y_m,
        mode="markers",
        hoverinfo="skip",
        marker={"size": 44, "color": "white", "line": {"width": 5, "color": ALERT}},
    )


def _crosses(drawn: go.Figure, silent: pd.DataFrame) -> None:
    drawn.add_scatter(
        x=silent.x_m,
        y=silent.y_m,
        mode="markers+text",
        text=silent.name.map(plain),
        textposition="bottom center",
        textfont={"size": 11, "color": "#777777"},
        customdata=silent.device,
        hovertemplate="%{customdata} %{text}<br>nothing heard for 10 s<extra></extra>",
        marker={"size": 13, "color": FAINT, "symbol": "x"},
    )


def _discs(drawn: go.Figure, heard: pd.DataFrame) -> None:
    levels_db = heard.laeq_10s_db
    drawn.add_scatter(
        x=heard.x_m,
        y=heard.y_m,
        mode="markers+text",
        text=[f"{level:.0f}" for level in levels_db],
        textfont={
            "size": 12,
            "color": ["black" if level > LIGHT_FROM_DB else "white" for level in levels_db],
        },
        customdata=[
            (plain(device), plain(name), level)
            for device, name, level in zip(heard.device, heard.name, levels_db, strict=True)
        ],
        hovertemplate="%{customdata[0]} %{customdata[1]}<br>LAeq,10s %{customdata[2]:.1f} dB"
        "<extra></extra>",
        marker={"size": 32, "color": levels_db, **_COLOURS},
    )
    _names(drawn, heard)


def _names(drawn: go.Figure, heard: pd.DataFrame) -> None:
    """Draw names below unseen marks as large as a ring."""
    drawn.add_scatter(
        x=heard.x_m,
        y=heard.y_m,
        mode="markers+text",
        marker={"size": 40, "opacity": 0},
        text=heard.name.map(plain),
        textposition="bottom center",
        textfont={"size": 11, "color": INK},
        hoverinfo="skip",
    )


def _scale(drawn: go.Figure, placed: pd.DataFrame) -> None:
    """Draw a bar of about a quarter of the width, in the lower left corner; north is up."""
    width_m = max(float(np.ptp(placed.x_m)), 200.0)
    length_m = max([m for m in _SCALES_M if m <= width_m / 3], default=_SCALES_M[0])
    left_m = float(placed.x_m.min())
    y_m = float(placed.y_m.min()) - 0.2 * max(float(np.ptp(placed.y_m)), width_m / 3)
    drawn.add_scatter(
        x=[left_m, left_m + length_m],
        y=[y_m, y_m],
        mode="lines+text",
        text=[f"{length_m} m" if length_m < 1000 else f"{length_m // 1000} km", ""],  # noqa: PLR2004
        textposition="top right",
        textfont={"size": 11, "color": "#777777"},
        line={"color": "#777777", "width": 3},
        hoverinfo="skip",
    )

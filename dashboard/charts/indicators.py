"""Ld, Le, Ln, Lden and percentile levels by day or month; hours over a limit."""

from types import MappingProxyType
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.gaps import band
from dashboard.charts.style import ALERT, BAND, FAINT, INK, LEVEL, figure

_MARKS: Final = MappingProxyType(
    {
        "lden_db": ("Lden", INK, "circle"),
        "ld_db": ("Ld, day", "#e69f00", "square"),
        "le_db": ("Le, evening", "#56b4e9", "diamond"),
        "ln_db": ("Ln, night", "#0072b2", "triangle-down"),
    }
)
WHOLE: Final = 0.75
"""Below this share heard a mark is hollow: it does not stand for its day."""

_PARTS: Final = MappingProxyType({"ld_db": ["day"], "le_db": ["evening"], "ln_db": ["night"]})


def levels(rows: pd.DataFrame) -> go.Figure:
    """Draw indicators by date; dates heard for less than three quarters have hollow marks.

    Parameters
    ----------
    rows : DataFrame
        Fields of `records.indicators.DayLevels`, of one device.
    """
    drawn = figure(330, hovermode="x unified")
    for column, (name, colour, symbol) in _MARKS.items():
        parts = _PARTS.get(column, ["day", "evening", "night"])
        whole = (rows[[f"{part}_coverage" for part in parts]] >= WHOLE).all(axis=1)
        drawn.add_scatter(
            x=rows.date,
            y=rows[column].astype(float),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 1},
            marker={
                "size": 8,
                "symbol": [symbol if full else f"{symbol}-open" for full in whole],
                "color": colour,
            },
            hovertemplate="%{y:.1f} dB",
        )
    drawn.update_yaxes(title="dB")
    return drawn


def percentiles(rows: pd.DataFrame) -> go.Figure:
    """Draw L10, L50 and L90 by date, as a band with its middle; `rows` of one device."""
    drawn = figure(330, hovermode="x unified")
    dates, edges_db = band(rows, "date")
    drawn.add_scatter(
        x=dates, y=edges_db, name="L90 to L10", mode="lines", fill="toself", fillcolor=BAND,
        line={"width": 0}, hoverinfo="skip",
    )  # fmt: skip
    for column, name in (("l10_db", "L10"), ("l90_db", "L90")):
        drawn.add_scatter(
            x=rows.date, y=rows[column].astype(float), name=name, mode="lines",
            line={"width": 1, "color": FAINT}, hovertemplate="%{y:.1f} dB", showlegend=False,
        )  # fmt: skip
    drawn.add_scatter(
        x=rows.date, y=rows.l50_db.astype(float), name="L50", mode="lines+markers",
        line={"color": LEVEL}, hovertemplate="%{y:.1f} dB",
    )  # fmt: skip
    drawn.update_yaxes(title="dB")
    return drawn


def over(hours: pd.DataFrame) -> go.Figure:
    """Hours of each date over the limit; `hours` as `records.days.LoudHours`, of one device."""
    drawn = figure(220, hovermode="x unified", barmode="overlay", bargap=0.15)
    drawn.add_bar(
        x=hours.date, y=hours.hours, name="heard", marker={"color": "#e5e5e5"},
        hovertemplate="%{y} h",
    )  # fmt: skip
    drawn.add_bar(
        x=hours.date, y=hours.over, name="over the limit", marker={"color": ALERT},
        hovertemplate="%{y} h",
    )  # fmt: skip
    drawn.update_yaxes(title="hours a day", range=[0, 25], dtick=6)
    return drawn

"""Which sounds when, whose energy, and how loud."""

from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.style import ORIGINS, SHARES, figure, spoken

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS: Final = list(range(24))


def by_hour(rhythm: pd.DataFrame) -> go.Figure:
    """All labels by hour of the day, whatever the weekday; the most active label on top.

    Parameters
    ----------
    rhythm : DataFrame
        Fields of `records.sounds.Rhythm`.
    """
    table = _share(rhythm, "label").reindex(columns=_HOURS)
    table = table.loc[table.sum(axis=1).sort_values().index]
    drawn = figure(80 + 24 * max(len(table), 4))
    _shares(drawn, table, [spoken(label) for label in table.index], "%{y}, %{x} h: %{z:.1f} %")
    return _hours(drawn)


def by_weekday(rhythm: pd.DataFrame, label: str) -> go.Figure:
    """One label by weekday and hour; hours that were never heard stay empty."""
    table = _share(rhythm[rhythm.label == label], "weekday")
    table = table.reindex(index=range(1, 8), columns=_HOURS)
    drawn = figure(270)
    _shares(drawn, table, list(WEEKDAYS), "%{y}, %{x} h: %{z:.1f} %")
    drawn.update_yaxes(autorange="reversed")
    return _hours(drawn)


def origins(shares: pd.DataFrame) -> go.Figure:
    """Stack the energy of each origin over time; `shares` as `records.sounds.OriginShare`."""
    drawn = figure(300, barmode="stack", bargap=0.05)
    for origin, colour in ORIGINS.items():
        its = shares[shares.origin == origin]
        drawn.add_bar(
            x=its.started_at,
            y=100 * its.share.astype(float),
            name=origin,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="%{y:.0f} %",
        )
    drawn.update_yaxes(title="% of the energy", range=[0, 100])
    return drawn


def loudest(sources: pd.DataFrame) -> go.Figure:
    """Labels by their own level while active, with the loudest window as a mark."""
    told = sources[sources.source_leq_db.notna()].iloc[::-1]
    drawn = figure(110 + 26 * max(len(told), 3))
    names = [spoken(label) for label in told.label]
    colours = [ORIGINS.get(origin, ORIGINS["background"]) for origin in told.origin]
    drawn.add_scatter(
        x=told.source_leq_db, y=names, mode="markers", name="mean while active",
        marker={"size": 13, "color": colours},
        hovertemplate="%{y}: %{x:.1f} dB<extra>mean while active</extra>",
    )  # fmt: skip
    drawn.add_scatter(
        x=told.loudest_db, y=names, mode="markers", name="loudest window",
        marker={"size": 12, "color": colours, "symbol": "line-ns-open", "line": {"width": 2.5}},
        hovertemplate="%{y}: %{x:.1f} dB<extra>loudest window</extra>",
    )  # fmt: skip
    for name, low, high in zip(names, told.source_leq_db, told.loudest_db, strict=True):
        line = {"color": ORIGINS["background"], "width": 1.5}
        drawn.add_shape(type="line", x0=low, x1=high, y0=name, y1=name, line=line, layer="below")
    drawn.update_xaxes(title="own level of the source, dB")
    drawn.update_yaxes(type="category")
    return drawn


def _share(rhythm: pd.DataFrame, by: str) -> pd.DataFrame:
    """Share of all seconds heard that were active, a column for each hour."""
    sums = rhythm.groupby([by, "hour"])[["active_s", "coverage_s"]].sum()
    share: pd.DataFrame = (sums.active_s / sums.coverage_s).unstack()
    return share


def _shares(drawn: go.Figure, table: pd.DataFrame, names: list[str], hover: str) -> None:
    drawn.add_heatmap(
        x=_HOURS,
        y=names,
        z=100 * table.to_numpy(dtype=np.float32),
        colorscale=SHARES,
        zmin=0,
        colorbar={"title": "% of<br>time", "thickness": 10},
        hoverongaps=False,
        hovertemplate=hover + "<extra></extra>",
        xgap=1,
        ygap=1,
    )


def _hours(drawn: go.Figure) -> go.Figure:
    drawn.update_xaxes(title="hour of the day", tickvals=list(range(0, 24, 3)), showgrid=False)
    drawn.update_yaxes(type="category", showgrid=False)
    drawn.update_layout(margin_t=8)
    return drawn

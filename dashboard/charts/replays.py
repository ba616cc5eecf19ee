"""What a replay found otherwise, over time."""

from types import MappingProxyType
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.style import FAINT, figure, plain

_MARKS: Final = MappingProxyType(
    {
        "gained": ("#009e73", "triangle-up"),
        "lost": ("#d55e00", "triangle-down"),
        "moved": (FAINT, "diamond"),
    }
)


def changes(alerts: pd.DataFrame) -> go.Figure:
    """Alerts gained, lost and moved, a line for each device.

    Parameters
    ----------
    alerts : DataFrame
        `change`, `rule`, `device`, `onset_at`.
    """
    drawn = figure(120 + 22 * max(alerts.device.nunique(), 3))
    for change, (colour, symbol) in _MARKS.items():
        its = alerts[alerts.change == change]
        drawn.add_scatter(
            x=its.onset_at,
            y=its.device.map(plain),
            name=change,
            mode="markers",
            text=its.rule.map(plain),
            marker={"color": colour, "symbol": symbol, "size": 11},
            hovertemplate="%{y}, %{x}: %{text}<extra>" + change + "</extra>",
        )
    drawn.update_yaxes(type="category", categoryorder="category descending")
    return drawn

"""What all figures share: colours (Okabe and Ito, Viridis), margins, and words as plain text."""

from collections.abc import Sequence
from html import escape
from types import MappingProxyType
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

LEVEL_RANGE_DB: Final = (40.0, 90.0)
ALERT: Final = "#d55e00"
LEVEL: Final = "#0072b2"
BAND: Final = "rgba(0, 114, 178, 0.20)"
FAINT: Final = "#b3b3b3"
INK: Final = "#333333"
SHARES: Final = ((0.0, "#eef3fa"), (0.5, "#6a9bc9"), (1.0, "#08306b"))
MOST_WORDS: Final = 12
"""Of alerts marked in a figure; more are marked without their rules."""

ORIGINS: Final = MappingProxyType(
    {"technogenic": "#d55e00", "human": "#56b4e9", "natural": "#009e73", "background": "#d0d0d0"}
)
CONFIG: Final = MappingProxyType(
    {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    }
)
"""Of every figure on a page. Fingers scroll past figures: zooming begins in the tool bar."""

_LAYOUT: Final = {
    "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
    "template": "plotly_white",
    "dragmode": False,
    "uirevision": "same",  # a zoom outlives the next refresh
    "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    "hoverlabel": {"namelength": -1},
}


def figure(height: int, **layout: Any) -> go.Figure:  # noqa: ANN401  # as of go.Layout
    """Empty figure in our style; height in px."""
    return go.Figure(layout={**_LAYOUT, "height": height, **layout})


def dress(drawn: go.Figure, height: int, **layout: Any) -> go.Figure:  # noqa: ANN401
    """Give our style to a figure of subplots."""
    drawn.update_layout({**_LAYOUT, "height": height, **layout})
    return drawn


def settle(drawn: go.Figure, left: float, bottom: float) -> go.Figure:
    """Fix two margins, px: to find them, Plotly would draw all twice."""
    drawn.update_layout(margin_l=left, margin_b=bottom)
    drawn.update_xaxes(automargin=False, tickangle=0)
    drawn.update_yaxes(automargin=False)
    return drawn


def plain(words: object) -> str:
    """Words as they are: Plotly would take tags and entities for layout.

    Examples
    --------
    >>> plain("<b>Quay</b> & gate")
    '&lt;b&gt;Quay&lt;/b&gt; &amp; gate'
    """
    return escape(str(words), quote=False)


def spoken(label: object) -> str:
    """Label as people write it.

    Examples
    --------
    >>> spoken("dog_bark")
    'dog bark'
    """
    return plain(str(label).replace("_", " "))


def shade_alerts(drawn: go.Figure, alerts: pd.DataFrame, axes: Sequence[tuple[str, str]]) -> None:
    """Mark alerts as spans, each with its rule where there are few.

    Parameters
    ----------
    drawn : Figure
    alerts : DataFrame
        `onset_at`, `ended_at` (set also where the alert is open), `rule`.
    axes : sequence of (str, str)
        Names of the time axis and the other one, of each subplot.
    """
    # all at once: adding them one by one checks the whole figure each time, seconds for a hundred
    drawn.update_layout(
        shapes=[_span(alert, *pair) for alert in alerts.itertuples() for pair in axes],
        annotations=[_word(alert, *axes[0]) for alert in alerts.itertuples()]
        if len(alerts) <= MOST_WORDS
        else [],
    )


def _span(alert: Any, x: str, y: str) -> dict[str, Any]:  # noqa: ANN401  # a row
    return {
        "type": "rect", "xref": x, "yref": f"{y} domain", "y0": 0, "y1": 1,
        "x0": alert.onset_at, "x1": alert.ended_at,
        "fillcolor": ALERT, "opacity": 0.25, "line": {"width": 1, "color": ALERT},
    }  # fmt: skip


def _word(alert: Any, x: str, y: str) -> dict[str, Any]:  # noqa: ANN401
    return {
        "text": plain(alert.rule), "xref": x, "yref": f"{y} domain", "x": alert.onset_at, "y": 1,
        "xanchor": "left", "yanchor": "top", "showarrow": False,
        "font": {"size": 10, "color": ALERT},
    }  # fmt: skip

"""Acoustic indices as small multiples."""

from types import MappingProxyType
from typing import Final

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.gaps import with_gaps
from dashboard.charts.style import LEVEL, dress, settle

NAMES: Final = MappingProxyType(
    {
        "aci": "ACI (complexity)",
        "adi": "ADI (diversity)",
        "aei": "AEI (evenness)",
        "bi": "BI (bioacoustic)",
        "h": "H (entropy)",
        "ndsi": "NDSI (nature to machines)",
    }
)


def over_time(indices: pd.DataFrame, step_s: int) -> go.Figure:
    """Draw six small charts, one an index; `indices` as `records.minutes.Indices`."""
    rows = with_gaps(indices, step_s)
    drawn = make_subplots(
        rows=3, cols=2, shared_xaxes=True, subplot_titles=list(NAMES.values()),
        vertical_spacing=0.1, horizontal_spacing=0.12,
    )  # fmt: skip
    for place, name in enumerate(NAMES):
        drawn.add_scatter(
            x=rows.started_at,
            y=rows[name].astype(float),
            line={"color": LEVEL, "width": 1},
            mode="lines",
            hovertemplate="%{y:.3g}<extra></extra>",
            row=1 + place // 2,
            col=1 + place % 2,
        )
    drawn.update_annotations(font_size=12)
    return settle(dress(drawn, 460, showlegend=False), left=40, bottom=42)

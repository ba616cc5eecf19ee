"""An alert among the seconds around it."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.gaps import with_gaps
from dashboard.charts.style import FAINT, LEVEL, dress, shade_alerts, spoken
from schemas.base import ACTIVE_SCORE

_COLOURS = ("#d55e00", "#009e73", "#56b4e9", "#cc79a7", "#e69f00")


def around(alert: pd.DataFrame, levels: pd.DataFrame, labels: pd.DataFrame) -> go.Figure:
    """Levels above, scores of the most certain labels below, the alert marked on both.

    Parameters
    ----------
    alert : DataFrame
        One row: `onset_at`, `ended_at`, `rule`.
    levels : DataFrame
        `started_at`, `laeq_db`, `lafmax_db` of each second.
    labels : DataFrame
        `started_at`, `label`, `score` (per mille).
    """
    drawn = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    seconds = with_gaps(levels, 1.0)
    for column, name, colour in (("lafmax_db", "LAFmax", FAINT), ("laeq_db", "LAeq,1s", LEVEL)):
        drawn.add_scatter(
            x=seconds.started_at, y=seconds[column].astype(float), name=name, mode="lines",
            line={"color": colour}, hovertemplate="%{y:.1f} dB", row=1, col=1,
        )  # fmt: skip
    best = labels.groupby("label").score.max().sort_values(ascending=False).index
    for label, colour in zip(best, _COLOURS, strict=False):
        its = labels[labels.label == label]
        drawn.add_scatter(
            x=its.started_at, y=its.score / 10, name=spoken(label), mode="markers",
            marker={"color": colour, "size": 7}, hovertemplate="%{y:.0f} %", row=2, col=1,
        )  # fmt: skip
    shade_alerts(drawn, alert, [("x", "y"), ("x2", "y2")])
    drawn.add_hline(y=ACTIVE_SCORE / 10, line={"dash": "dot", "width": 1}, row=2, col=1)
    drawn.update_yaxes(title="dB", row=1, col=1)
    drawn.update_yaxes(title="score, %", range=[0, 105], row=2, col=1)
    return dress(drawn, 420, hovermode="x unified")

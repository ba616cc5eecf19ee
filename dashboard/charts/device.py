"""One device over time: levels, what was heard, spectrogram and labels above one time axis."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from acoustics.bands import HIGHEST, LOWEST
from dashboard.charts.gaps import band, even, on_grid, with_gaps
from dashboard.charts.style import BAND, FAINT, LEVEL, SHARES, dress, settle, shade_alerts, spoken

MOST_LABELS: Final = 10
_LEVELS, _HEARD, _SPECTRA, _LABELS = range(1, 5)
_HEIGHTS: Final = (0.40, 0.035, 0.30, 0.265)
_CENTRES_HZ: Final = [1000 * 10 ** (k / 10) for k in range(LOWEST, HIGHEST + 1)]
_LEFT_PX: Final = 56
_LETTER_PX: Final = 5.6
_TOLD_HZ: Final = (31.5, 125, 500, 2000, 8000)


class Shown(NamedTuple):
    """What is drawn, times without a zone.

    `levels` as `records.levels.Level`, and the `instant` of each row; `labels` with `started_at`,
    `label` and `share` (0 to 1); `alerts` with `onset_at`, `ended_at` and `rule`. `seconds` is the
    length of the span: `end` less `begin` is another when the clocks change between them.
    """

    levels: pd.DataFrame
    spectra: pd.DataFrame
    labels: pd.DataFrame
    alerts: pd.DataFrame
    step_s: int
    spectra_step_s: int
    begin: datetime
    end: datetime
    seconds: float


def over_time(shown: Shown) -> go.Figure:
    """Draw all four; what is missing stays empty, alerts are marked on the levels."""
    drawn = make_subplots(
        rows=4,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.035,
        row_heights=_HEIGHTS,
    )
    _add_levels(drawn, shown)
    _add_heard(drawn, shown)
    _add_spectra(drawn, shown)
    _add_labels(drawn, shown)
    first, last = _axis(shown)
    within = shown.alerts.assign(onset_at=[max(first, at) for at in shown.alerts.onset_at])
    shade_alerts(drawn, within, [("x", "y")])
    dress(drawn, 760, hovermode="x unified" if shown.step_s else False)
    drawn.update_xaxes(range=[first, last], showticklabels=False)
    drawn.update_xaxes(showticklabels=True, row=_LABELS, col=1)
    longest = max([len(label) for label in shown.labels.label], default=0)
    return settle(drawn, left=max(_LEFT_PX, _LETTER_PX * longest + 12), bottom=42)


def _axis(shown: Shown) -> tuple[datetime, datetime]:
    """From the first to the last time drawn: in autumn a span may end, by the clock, too early."""
    times = [shown.begin, shown.end, *shown.levels.started_at]
    return min(times), max(times)


def _add_levels(drawn: go.Figure, shown: Shown) -> None:
    levels = with_gaps(shown.levels, shown.step_s)
    _line(drawn, levels, "lafmax_db", "LAFmax", {"color": FAINT, "width": 1})
    if levels.l10_db.notna().any():
        _add_band(drawn, levels)
    _line(drawn, levels, "laeq_db", f"LAeq,{told(shown.step_s)}", {"color": LEVEL, "width": 1.6})
    drawn.update_yaxes(title="dB", row=_LEVELS, col=1)


def _add_band(drawn: go.Figure, levels: pd.DataFrame) -> None:
    times, edges_db = band(levels, "started_at")
    drawn.add_scatter(
        x=times, y=edges_db, name="L90 to L10", mode="lines", fill="toself", fillcolor=BAND,
        line={"width": 0}, hoverinfo="skip", row=_LEVELS, col=1,
    )  # fmt: skip


def _line(
    drawn: go.Figure, levels: pd.DataFrame, column: str, name: str, line: dict[str, object]
) -> None:
    drawn.add_scatter(
        x=levels.started_at,
        y=levels[column].astype(float),
        name=name,
        line=line,
        mode="lines",
        connectgaps=False,
        hovertemplate="%{y:.1f} dB",
        row=_LEVELS,
        col=1,
    )


def _add_heard(drawn: go.Figure, shown: Shown) -> None:
    """Add a strip, dark where all seconds were heard, empty where none was."""
    table = even(shown.levels.set_index("started_at")[["coverage_s"]], shown.step_s)
    share = 100 * table.coverage_s.astype(float) / shown.step_s
    drawn.add_heatmap(
        x=table.index,
        y=["heard"],
        z=[share.clip(upper=100)],
        colorscale=[[0, "#ffffff"], [1, "#7f7f7f"]],
        zmin=0,
        zmax=100,
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{z:.0f} %<extra>heard</extra>",
        row=_HEARD,
        col=1,
    )


def _add_spectra(drawn: go.Figure, shown: Shown) -> None:
    spectra = shown.spectra.set_index("started_at")
    if len(spectra):
        bands = max(len(levels) for levels in spectra.third_octaves_db)
        table = even(
            pd.DataFrame(
                [_padded(levels, bands) for levels in spectra.third_octaves_db],
                index=spectra.index,
                dtype=np.float32,
            ),
            shown.spectra_step_s,
        )
        drawn.add_heatmap(
            x=table.index,
            y=_CENTRES_HZ[:bands],
            z=table.to_numpy().T,
            colorscale="Viridis",
            colorbar=_bar("dB", _SPECTRA, drawn),
            hoverongaps=False,
            hovertemplate="%{y:.0f} Hz: %{z:.0f} dB<extra>third octave</extra>",
            row=_SPECTRA,
            col=1,
        )
    drawn.update_yaxes(
        title="Hz",
        type="log",
        tickvals=list(_TOLD_HZ),
        ticktext=["31.5", "125", "500", "2k", "8k"],
        row=_SPECTRA,
        col=1,
    )


def _padded(levels_db: Sequence[float], bands: int) -> list[float]:
    return [*levels_db, *[float("nan")] * (bands - len(levels_db))]


def _add_labels(drawn: go.Figure, shown: Shown) -> None:
    table = on_grid(shown.labels, "label", "share", shown.step_s)
    table = table[most_heard(table)]
    drawn.add_heatmap(
        x=table.index,
        y=[spoken(label) for label in table.columns],
        z=100 * table.to_numpy(dtype=np.float32).T,
        colorscale=SHARES,
        zmin=0,
        zmax=100,
        colorbar=_bar("%", _LABELS, drawn),
        hoverongaps=False,
        hovertemplate="%{y}: %{z:.0f} %<extra></extra>",
        row=_LABELS,
        col=1,
    )
    drawn.update_yaxes(type="category", row=_LABELS, col=1)


def most_heard(table: pd.DataFrame) -> list[str]:
    """The labels with most activity, at most `MOST_LABELS`; the most active one last, on top."""
    return list(table.sum().sort_values().index[-MOST_LABELS:])


def _bar(title: str, row: int, drawn: go.Figure) -> dict[str, object]:
    low, high = drawn.get_subplot(row, 1).yaxis.domain
    length = high - low
    return {"title": title, "thickness": 10, "len": length, "y": (low + high) / 2}


def told(seconds: int) -> str:
    """Length of a window in words.

    Examples
    --------
    >>> [told(s) for s in (1, 10, 60, 900, 3600, 86400)]
    ['1s', '10s', '1min', '15min', '1h', '1d']
    """
    for length_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length_s:
            return f"{seconds // length_s}{unit}"
    return f"{seconds}s"

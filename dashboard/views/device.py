"""Device: its levels over time, spectrum, labels and alerts, what is missing, how it is set."""

import streamlit as st

from dashboard import answers
from dashboard.charts import device as charts
from dashboard.charts import indices as index_charts
from dashboard.charts.device import Shown
from dashboard.charts.style import CONFIG
from dashboard.columns import columns, unmarked
from dashboard.filters import device, last_day, places, span_of, span_s
from dashboard.page import figures, figures_ahead, live, page, reader, zone_of
from dashboard.summary import calibrations, summary
from dashboard.tables import table
from records import minutes
from records.devices import Device
from records.spans import Span

STEPS = 300


def _page() -> None:
    figures_ahead()
    first, second, third = places(3)
    with first:
        chosen = device()
    with second:
        seconds = span_s("1 hour")
    with third:
        day = last_day()
    zone = zone_of(chosen.site)
    live(lambda: _draw(chosen, span_of(seconds, day, zone), zone), seconds)


def _draw(chosen: Device, span: Span, zone: str) -> str:
    st.caption(f"{unmarked(chosen.name)}, {unmarked(chosen.street)} street")
    shown = answers.of_device(reader(), chosen, span, zone)
    if shown.levels.empty:
        st.info("Nothing was heard of this device in this span.")
        return zone
    _figures(shown)
    st.plotly_chart(
        charts.over_time(shown),
        key="levels",
        alt="Levels, third octaves and labels over time",
        config=dict(CONFIG),
    )
    if shown.levels.calibration.isna().any():
        st.caption("Not calibrated: levels are relative to full scale.")
    _alerts(shown)
    _indices(chosen, span, zone)
    return zone


def _figures(shown: Shown) -> None:
    told = summary(shown.levels, shown.seconds, shown.step_s)
    figures(
        {
            "LAeq": f"{told.laeq_db:.1f} dB",
            "LAFmax": f"{told.lafmax_db:.1f} dB",
            "Heard": f"{100 * told.coverage:.1f} %",
            "Gaps": told.gaps,
            "Calibration": ", ".join(calibrations(shown.levels)),
        }
    )


def _alerts(shown: Shown) -> None:
    if shown.alerts.empty:
        return
    st.subheader("Alerts", anchor=False)
    if len(shown.alerts) == answers.MOST_ALERTS:
        st.caption(f"The newest {answers.MOST_ALERTS}: page Alerts has more.")
    st.dataframe(
        shown.alerts,
        hide_index=True,
        column_order=["onset_at", "rule", "ended_at", "peak_laeq_1s_db", "peak_score", "verdict"],
        column_config=columns(),
        placeholder="",
        key="alerts",
        alt="Alerts",
    )


def _indices(chosen: Device, span: Span, zone: str) -> None:
    st.subheader("Acoustic indices", anchor=False)
    rows = minutes.indices(reader(), chosen.device, span, STEPS)
    if not rows:
        st.caption("None: devices send them each minute (docs/indices.md), simulated ones do not.")
        return
    figure = index_charts.over_time(table(rows, minutes.Indices, zone), minutes.step_s(span, STEPS))
    st.plotly_chart(figure, key="indices", alt="Acoustic indices over time", config=dict(CONFIG))


page("Device", _page)

"""Device: its levels over time, the labels under them, its alerts on them."""

import streamlit as st

from dashboard import charts
from dashboard.adapters import queries
from dashboard.shared import ALERT_COLUMNS, SETTINGS, SPANS_S, pool, show

SECONDS_SHOWN_SINGLY = 3600


def _choice(name: str, options: list[str]) -> str:
    """A select box that remembers its choice in the address."""
    asked = st.query_params.get(name)
    index = options.index(asked) if asked in options else 0
    chosen = st.selectbox(name.capitalize(), options, index=index)
    st.query_params[name] = chosen
    return chosen


def _draw_device(device: str, seconds: int) -> None:
    alerts = queries.alerts(pool(), seconds, device)
    if seconds <= SECONDS_SHOWN_SINGLY:
        levels = queries.device_levels(pool(), device, seconds)
        figure = charts.level_lines(levels, alerts)
    else:
        length_s = 60 if seconds <= SPANS_S["1 day"] else 3600
        levels = queries.device_windows(pool(), device, seconds, length_s)
        figure = charts.window_band(levels, alerts)
    if levels.empty:
        st.info(f"No readings of {device} in this span.")
        return
    labels = charts.label_timeline(queries.device_labels(pool(), device, seconds))
    charts.same_span([figure, labels], levels)
    st.plotly_chart(figure, key="levels")
    if levels.calibration.isna().any():
        st.caption("Not calibrated: levels are relative to full scale.")
    st.plotly_chart(labels, key="labels")
    st.dataframe(alerts, hide_index=True, column_config=ALERT_COLUMNS)


@st.fragment(run_every=SETTINGS.refresh_s)
def _live(device: str, seconds: int) -> None:
    show(lambda: _draw_device(device, seconds))


def _page() -> None:
    devices = queries.city_now(pool()).device.tolist()
    if not devices:
        st.info("No devices yet: `cityhum migrate` loads deploy/sites.yaml.")
        return
    left, right = st.columns(2)
    with left:
        device = _choice("device", devices)
    with right:
        span = _choice("span", list(SPANS_S))
    _live(device, SPANS_S[span])


st.title("Device")
show(_page)

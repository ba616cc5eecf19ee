"""City now: where it is how loud, what each device hears, which alerts are open, who is offline."""

import pandas as pd
import streamlit as st

from dashboard.charts import city as charts
from dashboard.charts.style import CONFIG
from dashboard.columns import columns
from dashboard.filters import ALL, choice
from dashboard.page import NO_DEVICES, figures, figures_ahead, live, page, reader, sites, zone_of
from dashboard.tables import table, top_labels
from processors.adapters.clock import utc_now
from records import alerts, city
from records.spans import AHEAD, last

HOUR_S = 3600
MOST = 100


def _page() -> None:
    figures_ahead()
    with st.columns([1, 2])[0]:
        site = choice("Site", [ALL, *(one.site for one in sites())], key="site")
    live(lambda: _draw(None if site == ALL else site))


def _draw(site: str | None) -> str:
    zone = zone_of(site)
    heard = table(city.now(reader(), site), city.Heard, zone)
    if heard.empty:
        st.info(NO_DEVICES)
        return zone
    figures(
        {
            "Heard now": f"{heard.laeq_10s_db.notna().sum()} of {len(heard)}",
            "Offline": int((~heard.online.astype(bool)).sum()),
            "Open alerts": int(heard.alerts.map(lambda rules: len(rules or ())).sum()),
        }
    )
    plane, side = st.columns([3, 2])
    with plane:
        st.plotly_chart(
            charts.plane(heard),
            key="plane",
            alt="Map of the devices with LAeq of the last 10 s",
            config=dict(CONFIG),
        )
        if (heard.calibrated == False).any():  # noqa: E712  # None: not heard
            st.caption("Levels of devices without a calibration are relative to full scale.")
    with side:
        _alerts(site, zone)
    _devices(heard)
    return zone


def _alerts(site: str | None, zone: str) -> None:
    st.subheader("Alerts of the last hour", anchor=False)
    asked = alerts.Wanted(site=site)
    newest = alerts.newest(reader(), last(HOUR_S, utc_now() + AHEAD), asked, limit=MOST)
    if not newest.items:
        st.info("None.")
        return
    if newest.next:
        st.caption(f"The newest {MOST}; there are more.")
    st.dataframe(
        table(newest.items, alerts.Alert, zone),
        hide_index=True,
        height=min(35 * (len(newest.items) + 1) + 3, 450),
        column_order=["onset_at", "rule", "device", "state", "peak_laeq_1s_db"],
        column_config=columns(onset_at=st.column_config.DatetimeColumn("onset", format="HH:mm:ss")),
        key="newest",
        alt="Newest alerts",
    )


def _devices(heard: pd.DataFrame) -> None:
    heard = heard.assign(
        hears=[
            top_labels(labels, scores)
            for labels, scores in zip(heard.labels, heard.scores, strict=True)
        ],
        alerts=heard.alerts.map(lambda rules: ", ".join(rules or ())),
    )
    st.dataframe(
        heard,
        hide_index=True,
        height=35 * (len(heard) + 1) + 3,
        column_order=["device", "name", "laeq_10s_db", "hears", "alerts", "online", "last_at"],
        column_config=columns(),
        placeholder="",
        key="devices",
        alt="Devices",
    )


page("City now", _page)

"""City now: where it is how loud, what each device hears, which alerts are open."""

import streamlit as st

from dashboard import charts
from dashboard.adapters import queries
from dashboard.shared import ALERT_COLUMNS, SETTINGS, pool, show


@st.fragment(run_every=SETTINGS.refresh_s)
def _live() -> None:
    show(_draw)


def _draw() -> None:
    city = queries.city_now(pool())
    heard = city.laeq_10s_db.notna()
    plane, side = st.columns([3, 2])
    with plane:
        st.plotly_chart(charts.city_plane(city), key="plane")
        if heard.any() and not city.calibrated[heard].all():
            st.caption("Levels of devices without a calibration are relative to full scale.")
    with side:
        first, second, third = st.columns(3)
        first.metric("devices heard", f"{int(heard.sum())}/{len(city)}")
        second.metric("offline", int((~city.online).sum()))
        third.metric("open alerts", int(city.alerts.notna().sum()))
        st.subheader("Alerts of the last hour")
        alerts = queries.alerts(pool(), 3600)
        st.dataframe(alerts, hide_index=True, height=420, column_config=ALERT_COLUMNS)
    city["hears"] = [
        charts.top_labels(labels, scores)
        for labels, scores in zip(city.labels, city.scores, strict=True)
    ]
    st.dataframe(
        city[["device", "name", "laeq_10s_db", "hears", "alerts", "online", "heard_at"]],
        hide_index=True,
        column_config={
            "laeq_10s_db": st.column_config.NumberColumn("LAeq,10s dB", format="%.1f"),
            "heard_at": st.column_config.DatetimeColumn("last reading", format="HH:mm:ss"),
        },
    )


st.title("City now")
_live()

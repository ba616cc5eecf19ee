"""Replay: what a rule change, another model or newer code would have gained and lost."""

import pandas as pd
import streamlit as st

from dashboard import replayed
from dashboard.adapters import replays
from dashboard.charts import replays as charts
from dashboard.charts.style import CONFIG
from dashboard.columns import columns, unmarked
from dashboard.filters import choice
from dashboard.page import SETTINGS, figures, live, page, zone_of
from processors.adapters.replay_catalog import Entry
from processors.replay_diff import Difference

DAY_S = 86_400


@st.cache_data(ttl=300, show_spinner="Comparing …")
def _difference(name: str, finished: str) -> Difference:  # noqa: ARG001  # of that very replay
    return replays.difference(SETTINGS, name)


def _page() -> None:
    entries = {entry.name: entry for entry in replays.entries(SETTINGS)}
    if not entries:
        live(_none, DAY_S)
        return
    chosen = entries[choice("Replay", list(entries), key="replay")]
    live(lambda: _draw(chosen), DAY_S)


def _none() -> str:
    st.info(
        "No replay yet. To see what other rules would have said yesterday: "
        "`cityhum replay --from 2026-05-04 --into stricter --rules stricter.yaml`"
    )
    return zone_of()


def _draw(entry: Entry) -> str:
    zone = zone_of()
    st.caption(unmarked(replayed.told(entry, zone)))
    if entry.state == "incomplete":
        st.info(f"This replay is {'running' if entry.running else 'incomplete'}.")
        return zone
    found = _difference(entry.name, str(entry.finished_at))
    counts = found.alerts.counts()
    figures({f"Alerts {name}": count for name, count in counts.items()})
    _alerts(replayed.alerts(found, zone))
    st.subheader("Windows", anchor=False)
    st.dataframe(
        replayed.windows(found), hide_index=True, placeholder="", key="windows", alt="Windows"
    )
    return zone


def _alerts(changed: pd.DataFrame) -> None:
    if changed.empty:
        st.info("The same alerts, to the second.")
        return
    st.plotly_chart(
        charts.changes(changed),
        key="changes",
        alt="Alerts gained, lost and moved over time",
        config=dict(CONFIG),
    )
    st.dataframe(
        changed,
        hide_index=True,
        column_config=columns(),
        placeholder="",
        key="alerts",
        alt="Alerts that differ",
    )


page("Replay", _page)

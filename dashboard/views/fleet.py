"""Fleet: who is seen, what is spooled or missing, whose clock is wrong, who is behind."""

import pandas as pd
import streamlit as st

from dashboard.columns import columns
from dashboard.page import NO_DEVICES, figures, live, page, reader, zone_of
from dashboard.summary import lags_s
from dashboard.tables import table
from processors.adapters.clock import utc_now
from records import fleet

BEHIND_S = 15.0
DEAD_DAYS = 7


def _draw() -> str:
    zone = zone_of()
    devices = table(fleet.health(reader()), fleet.Health, zone)
    if devices.empty:
        st.info(NO_DEVICES)
        return zone
    _figures(devices)
    _devices(devices)
    left, right = st.columns(2)
    with left:
        _processors(zone)
    with right:
        _targets(zone)
        _dead_letters(zone)
    return zone


def _figures(devices: pd.DataFrame) -> None:
    delay = fleet.delay(reader())
    figures(
        {
            "Offline": int((~devices.online.astype(bool)).sum()),
            "Spooled readings": int(devices.spooled_readings.fillna(0).sum()),
            "Missing readings": int(devices.missing.fillna(0).sum()),
            "Stored within (95 %)": "–" if delay.p95_s is None else f"{delay.p95_s:.1f} s",
        }
    )


def _devices(devices: pd.DataFrame) -> None:
    st.subheader("Devices", anchor=False)
    st.dataframe(
        devices.assign(disk_free_gb=devices.disk_free_bytes.astype(float) / 1e9),
        hide_index=True,
        height=35 * (len(devices) + 1) + 3,
        column_order=[
            *("device", "name", "online", "last_at", "spooled_readings", "missing", "dropped"),
            *("quarantined", "clock", "off_clock", "overlapping", "duplicates", "calibration"),
            *("overruns", "temperature_c", "disk_free_gb", "agent_version", "status_at"),
        ],
        column_config=columns(),
        placeholder="",
        key="fleet",
        alt="Fleet",
    )


def _processors(zone: str) -> None:
    st.subheader("Processors", anchor=False)
    rows = fleet.progress(reader())
    if not rows:
        st.info("No processor has stored anything yet.")
        return
    late_s = lags_s(rows, utc_now())
    st.dataframe(
        table(rows, fleet.Progress, zone).assign(lag_s=pd.Series(late_s, dtype=float)),
        hide_index=True,
        column_order=["program", "topic", "partitions", "lag_s", "behind", "newest_commit_at"],
        column_config=columns(),
        placeholder="",
        key="processors",
        alt="Processors",
    )
    if any(late is not None and late > BEHIND_S for late in late_s):
        st.warning("A partition has stored nothing for more than 15 s: a processor is behind.")


def _targets(zone: str) -> None:
    st.subheader("Waiting for delivery", anchor=False)
    rows = fleet.waiting(reader())
    if not rows:
        st.caption("Nothing.")
        return
    st.dataframe(
        table(rows, fleet.Waiting, zone),
        hide_index=True,
        column_config=columns(),
        key="targets",
        alt="Waiting for delivery",
    )


def _dead_letters(zone: str) -> None:
    st.subheader(f"Dead letters of {DEAD_DAYS} days", anchor=False)
    rows = fleet.dead_letters(reader(), DEAD_DAYS)
    if not rows:
        st.caption("None: every message could be read.")
        return
    st.dataframe(
        table(rows, fleet.DeadLetters, zone),
        hide_index=True,
        column_config=columns(origin=st.column_config.TextColumn("from")),
        key="dead",
        alt="Dead letters",
    )


page("Fleet", lambda: live(_draw))

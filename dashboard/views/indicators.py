"""Indicators: Ld, Le, Ln, Lden and percentile levels by day and month, with coverage and limits."""

import pandas as pd
import streamlit as st

from dashboard import reports
from dashboard.charts import indicators as charts
from dashboard.charts.style import CONFIG
from dashboard.columns import columns, unmarked
from dashboard.filters import choice, device, last_day, places, span_s
from dashboard.page import figures_ahead, live, page, reader, zone_of
from dashboard.tables import csv, parquet, wall
from processors.adapters.clock import utc_now
from records.devices import Device


def _page() -> None:
    figures_ahead()
    first, second, third, fourth, fifth = places(5)
    with first:
        chosen = device()
    with second:
        seconds = span_s("30 days")
    with third:
        day = last_day()
    with fourth:
        by = choice("By", list(reports.BY), key="by")
    with fifth:
        limit_db = st.number_input(
            "Limit, dB", value=None, min_value=0.0, max_value=140.0, step=1.0, key="limit",
            bind="query-params", placeholder="of the site",
        )  # fmt: skip
    zone = zone_of(chosen.site)
    until = day or wall(utc_now(), zone).date()
    asked = reports.Asked(*reports.dates(seconds, until, by), by, limit_db)
    live(lambda: _draw(chosen, asked, zone), max(seconds, 604_800))


def _draw(chosen: Device, asked: reports.Asked, zone: str) -> str:
    st.caption(f"{unmarked(chosen.name)}, {asked.first} to {asked.last}, with façade correction")
    report = reports.levels(reader(), chosen.device, asked)
    if report.lden_db.isna().all() and report.l50_db.isna().all():
        st.info("No hour of this device has been added up on these dates.")
    else:
        _figures(chosen, asked, report)
    _download(chosen, asked, report)
    return zone


def _figures(chosen: Device, asked: reports.Asked, report: pd.DataFrame) -> None:
    left, right = st.columns(2)
    with left:
        st.subheader("Day, evening, night", anchor=False)
        st.plotly_chart(
            charts.levels(report),
            key="levels",
            alt="Ld, Le, Ln and Lden by date",
            config=dict(CONFIG),
        )
        st.caption("Hollow: heard for less than three quarters of the time.")
    with right:
        st.subheader("Percentile levels", anchor=False)
        if report.l50_db.isna().all():
            st.info("No whole day of these dates has been added up yet.")
        else:
            st.plotly_chart(
                charts.percentiles(report),
                key="percentiles",
                alt="L10, L50 and L90 by date",
                config=dict(CONFIG),
            )
    st.subheader("Hours over the limit", anchor=False)
    hours = reports.hours_over(reader(), chosen.device, asked)
    st.plotly_chart(
        charts.over(hours), key="over", alt="Hours over the limit by date", config=dict(CONFIG)
    )


def _download(chosen: Device, asked: reports.Asked, report: pd.DataFrame) -> None:
    st.dataframe(
        report, hide_index=True, column_config=columns(), placeholder="", key="report", alt="Report"
    )
    name = f"{chosen.device}-{asked.by}-{asked.first}-{asked.last}"
    first, second, _ = st.columns([1, 1, 6])
    first.download_button("CSV", csv(report), f"{name}.csv", "text/csv", on_click="ignore")
    second.download_button(
        "Parquet", parquet(report), f"{name}.parquet", "application/vnd.apache.parquet",
        on_click="ignore",
    )  # fmt: skip


page("Indicators", _page)

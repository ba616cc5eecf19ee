"""Sounds: which when, whose energy it is, and which are loudest."""

from collections.abc import Sequence

import streamlit as st

from dashboard.charts import sounds as charts
from dashboard.charts.style import CONFIG
from dashboard.columns import columns
from dashboard.filters import choice, devices, last_day, places, span_of, span_s, zone_of_all
from dashboard.page import figures_ahead, live, page, reader
from dashboard.spans import resolution_s, sources_s
from dashboard.tables import table
from records import sounds
from records.spans import Span, last

BARS = 200
RHYTHM_S = 92 * 86_400


def _page() -> None:
    figures_ahead()
    first, second, third = places(3)
    with first:
        chosen = devices()
    with second:
        seconds = span_s("7 days")
    with third:
        day = last_day()
    zone = zone_of_all(chosen)
    names = [one.device for one in chosen]
    live(lambda: _draw(names, span_of(seconds, day, zone), zone), max(seconds, 86_400))


def _draw(names: Sequence[str], span: Span, zone: str) -> str:
    shares = sounds.origins(reader(), names, span, resolution_s(span, BARS))
    if not shares:
        st.info("Nothing was heard in this span. A shorter one shows what is too new for it.")
        return zone
    st.subheader("Whose energy it is", anchor=False)
    drawn = charts.origins(table(shares, sounds.OriginShare, zone))
    st.plotly_chart(drawn, key="origins", alt="Energy by origin over time", config=dict(CONFIG))
    left, right = st.columns(2)
    with left:
        _rhythm(names, span, zone)
    with right:
        _loudest(names, span, zone)
    return zone


def _rhythm(names: Sequence[str], span: Span, zone: str) -> None:
    st.subheader("By hour and weekday", anchor=False)
    newest = last(min(span.seconds, RHYTHM_S), span.end)
    rhythm = table(sounds.rhythm(reader(), names, newest, zone), sounds.Rhythm, zone)
    if newest != span:
        st.caption("Hours are of the newest 92 days.")
    if rhythm.empty:
        st.info("No label was active in a whole hour of this span.")
        return
    st.plotly_chart(
        charts.by_hour(rhythm), key="hours", alt="Labels by hour of the day", config=dict(CONFIG)
    )
    label = choice("Label", sorted(rhythm.label.unique()), key="label")
    st.plotly_chart(
        charts.by_weekday(rhythm, label),
        key="weekdays",
        alt="One label by weekday and hour",
        config=dict(CONFIG),
    )


def _loudest(names: Sequence[str], span: Span, zone: str) -> None:
    st.subheader("Loudest sources", anchor=False)
    rows = sounds.loudest(reader(), names, span, sources_s(span))
    sources = table(rows, sounds.Source, zone)
    if sources.source_leq_db.isna().all():
        st.info("No source stood out of the background.")
    else:
        st.plotly_chart(
            charts.loudest(sources),
            key="loudest",
            alt="Sources by their own level",
            config=dict(CONFIG),
        )
        if not sources.calibrated.any():
            st.caption("Not calibrated: levels are relative to full scale.")
    st.dataframe(
        sources.assign(label=sources.label.str.replace("_", " ")),
        hide_index=True,
        column_order=[
            *("label", "source_leq_db", "loudest_db", "loudest_device", "loudest_at"),
            *("active_s", "events", "origin"),
        ],
        column_config=columns(),
        placeholder="",
        key="sources",
        alt="Sources",
    )


page("Sounds", _page)

"""Filters that are remembered in the address, so that a page can be sent to somebody."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.page import NO_DEVICES, installed, zone_of
from dashboard.spans import SPANS_S, until_end_of
from processors.adapters.clock import utc_now
from records.devices import Device
from records.spans import Span

ALL: Final = "all"


def places(count: int) -> Sequence[DeltaGenerator]:
    """Where filters stand, side by side; on a phone two in a row (app.py)."""
    return st.container(key="filters").columns(count)


def device() -> Device:
    """One device; ends the page where there is none."""
    known = {one.device: one for one in installed()}
    if not known:
        st.info(NO_DEVICES)
        st.stop()
    return known[choice("Device", list(known), key="device")]


def devices() -> Sequence[Device]:
    """One device or all of them."""
    known = {one.device: one for one in installed()}
    chosen = choice("Device", [ALL, *known], key="devices")
    return list(known.values()) if chosen == ALL else [known[chosen]]


def names() -> Sequence[str] | None:
    """Name of one device; None: all, also those that stand no longer."""
    chosen = choice("Device", [ALL, *(one.device for one in installed())], key="devices")
    return None if chosen == ALL else [chosen]


def choice(name: str, options: Sequence[str], *, key: str, default: str | None = None) -> str:
    """One of some words."""
    index = options.index(default) if default in options else 0
    chosen = st.selectbox(name, options, index=index, key=key, bind="query-params")
    return chosen or options[index]


def span_s(default: str, longest: str = "10 years") -> int:
    """Length of the span, s."""
    names = [name for name, seconds in SPANS_S.items() if seconds <= SPANS_S[longest]]
    return SPANS_S[choice("Span", names, key="span", default=default)]


def last_day() -> date | None:
    """The day with which the span ends; None: now."""
    chosen = st.date_input(
        "Until", value=None, key="until", bind="query-params", format="YYYY-MM-DD",
        help="empty: now",
    )  # fmt: skip
    return chosen if isinstance(chosen, date) else None


def span_of(seconds: int, day: date | None, zone: str, ahead: timedelta = timedelta(0)) -> Span:
    """The span as it is at this moment, or with what is a little ahead of it."""
    return until_end_of(day, seconds, utc_now() + ahead, zone)


def zone_of_all(chosen: Sequence[Device]) -> str:
    """Time zone of the first device: hours of a page are those of one clock."""
    return zone_of(chosen[0].site if chosen else None)

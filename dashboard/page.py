"""What every page needs: who answers, drawing that repeats itself, and errors as one line."""

from collections.abc import Callable, Mapping

import plotly.graph_objects as go
import streamlit as st

from dashboard.settings import dashboard_settings
from dashboard.spans import refresh_s
from dashboard.tables import wall
from processors.adapters.clock import utc_now
from records import devices
from records.adapters.postgres import PostgresReader
from records.address import Address
from records.devices import Device, Site
from schemas.errors import CityhumError

SETTINGS = dashboard_settings()
NO_DEVICES = "No devices yet: `cityhum migrate` loads deploy/sites.yaml."


@st.cache_resource
def reader() -> PostgresReader:
    """Connections of the read-only role, the same ones for all visitors."""
    address = Address(
        host=SETTINGS.postgres_host,
        port=SETTINGS.postgres_port,
        database=SETTINGS.postgres_db,
        user=SETTINGS.postgres_user,
        password_file=SETTINGS.postgres_password_file,
        ca=SETTINGS.postgres_ca,
    )
    return PostgresReader(address, at_once=6)


@st.cache_data(ttl=60, show_spinner=False)
def installed() -> list[Device]:
    """Devices that the sites file names."""
    return devices.installed(reader())


@st.cache_data(ttl=60, show_spinner=False)
def sites() -> list[Site]:
    """All sites."""
    return devices.sites(reader())


def zone_of(site: str | None = None) -> str:
    """Time zone of a site; of the first where none is named, UTC where there is none."""
    zones = {one.site: one.time_zone for one in sites()}
    return zones.get(site or "", next(iter(zones.values()), "UTC"))


def page(title: str, draw: Callable[[], None]) -> None:
    """Draw a page below its title; where that fails, say why in one line and try again."""
    st.header(title, anchor=False)
    try:
        draw()
    except CityhumError as error:
        _recover(str(error))


def figures_ahead() -> None:
    """Let the browser read Plotly, its slowest part, while the database is asked."""
    with st.container(key="ahead"):  # out of sight: app.py
        st.plotly_chart(go.Figure(), key="plotly", config={"staticPlot": True})


def figures(told: Mapping[str, int | str]) -> None:
    """Say a few figures side by side, on a phone in as many rows as it takes."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in told.items():
            st.metric(name, value, width="content")


def live(draw: Callable[[], str | None], seconds: float = 0.0) -> None:
    """Draw now and again; how often depends on the span that is shown, s.

    `draw` returns the zone of the times that it has drawn, if the page is to tell it.
    """

    def drawn() -> None:
        try:
            zone = draw()
        except CityhumError as error:
            st.warning(f"No data now: {error}")
        else:
            if zone:
                as_of(zone)

    st.fragment(drawn, run_every=refresh_s(seconds, SETTINGS.refresh_s))()


def as_of(zone: str) -> None:
    """Say when a page was drawn, and by which clocks its times are."""
    with st.container(key="as-of"):
        st.caption(f"{wall(utc_now(), zone):%Y-%m-%d %H:%M:%S}, times as in {zone}")


@st.fragment(run_every=SETTINGS.refresh_s)
def _recover(why: str) -> None:
    st.warning(f"No data now: {why}")
    try:
        devices.sites(reader())
    except CityhumError:
        return
    st.rerun()

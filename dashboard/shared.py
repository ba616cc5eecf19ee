"""What every page needs: the connection pool, made once, and errors as one line."""

from collections.abc import Callable

import streamlit as st

from dashboard.adapters import queries
from dashboard.settings import DashboardSettings
from schemas.errors import CityhumError

SETTINGS = DashboardSettings()
SPANS_S = {"10 minutes": 600, "1 hour": 3600, "6 hours": 21_600, "1 day": 86_400, "7 days": 604_800}
ALERT_COLUMNS = {
    "onset_at": st.column_config.DatetimeColumn("onset", format="HH:mm:ss"),
    "ended_at": st.column_config.DatetimeColumn("end", format="HH:mm:ss"),
    "peak_laeq_1s_db": st.column_config.NumberColumn("peak dB", format="%.1f"),
    "peak_score": st.column_config.NumberColumn("score ‰"),
    "active_s": st.column_config.NumberColumn("active s"),
}


@st.cache_resource
def pool() -> queries.Pool:
    """The pool of read-only connections, one for all visitors."""
    return queries.open_pool(SETTINGS)


def show(draw: Callable[[], None]) -> None:
    """Draw, or say in one line why not; the page tries again with its next refresh."""
    try:
        draw()
    except CityhumError as error:
        st.warning(f"No data now: {error}")

"""Alerts: the list, one among the seconds around it, and what operators say of it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import answers
from dashboard.adapters import verdicts
from dashboard.charts import alerts as charts
from dashboard.charts.style import CONFIG
from dashboard.columns import columns, unmarked
from dashboard.filters import ALL, choice, last_day, names, places, span_of, span_s
from dashboard.page import SETTINGS, live, page, reader, zone_of
from dashboard.tables import alert_table, closed, seconds_shared, table, uuid_of, wall
from processors.adapters.clock import utc_now
from processors.judgement import Opinion
from records import alerts, labels, levels
from records.spans import AHEAD, Span
from schemas.errors import CityhumError

MOST = 500
OPINIONS: Sequence[Opinion] = ("true", "false", "unsure")


def _page() -> None:
    first, second, third, fourth, fifth = places(5)
    with first:
        chosen = names()
    with second:
        rule = choice("Rule", [ALL, *alerts.rules(reader())], key="rule")
    with third:
        state = choice("State", [ALL, "open"], key="state")
    with fourth:
        seconds = span_s("1 day")
    with fifth:
        day = last_day()
    zone = zone_of()
    wanted = alerts.Wanted(chosen, None, None if rule == ALL else [rule], state == "open")
    live(lambda: _list(wanted, span_of(seconds, day, zone, AHEAD), zone), seconds)
    live(lambda: _detail(zone), 86_400)


def _list(wanted: alerts.Wanted, span: Span, zone: str) -> str:
    if st.session_state.pop("chosen", False):
        st.rerun()  # the whole page: else the detail would wait for its own turn
    newest = alerts.newest(reader(), span, wanted, limit=MOST)
    st.session_state["listed"] = [str(alert.alert_id) for alert in newest.items]
    if not newest.items:
        st.info("No alert in this span.")
        return zone
    if newest.next:
        st.caption(f"The newest {MOST}; there are more.")
    st.dataframe(
        alert_table(newest.items, zone),
        hide_index=True,
        height=min(35 * (len(newest.items) + 1) + 3, 360),
        column_order=[
            *("onset_at", "rule", "device", "state", "ended_at", "peak_laeq_1s_db"),
            *("peak_score", "active_s", "verdict", "historical"),
        ],
        column_config=columns(),
        placeholder="",
        on_select=_chosen,
        selection_mode="single-row",
        key="list",
        alt="Alerts",
    )
    return zone


def _chosen() -> None:
    rows = st.session_state["list"].selection.rows
    listed = st.session_state["listed"]
    if rows and rows[0] < len(listed):
        st.query_params["alert"] = listed[rows[0]]
        st.session_state["chosen"] = True


def _detail(zone: str) -> None:
    asked = uuid_of(st.query_params.get("alert", ""))
    alert = alerts.one(reader(), asked) if asked else None
    if alert is None:
        st.caption("Choose an alert above to see the seconds around it.")
        return
    st.subheader(f"{unmarked(alert.rule)} at {alert.device}", anchor=False)
    span = answers.around(alert, utc_now())
    heard = levels.over_time(reader(), [alert.device], span, levels.SECOND)
    if heard:
        drawn = charts.around(
            closed(alert_table([alert], zone), wall(span.end, zone)),
            table(heard, levels.Level, zone),
            seconds_shared(labels.by_second(reader(), alert.device, span), zone),
        )
        st.plotly_chart(
            drawn, key="around", alt="Levels and scores around the alert", config=dict(CONFIG)
        )
    else:
        st.info("The seconds around this alert are no longer kept.")
    _judge(alert)


def _judge(alert: alerts.Alert) -> None:
    if alert.verdict:
        st.caption(f"Verdict: {alert.verdict}, by {unmarked(alert.said_by)}.")
    if not verdicts.may_judge(SETTINGS):
        st.caption(
            "To give verdicts here, set CITYHUM_DASHBOARD_OPERATOR_PASSWORD_FILE to the password "
            "file of the role cityhum\\_operator (docs/sirens.md)."
        )
        return
    asked = alert.alert_id  # what was said of one alert is not offered for the next; the name is
    with st.form("verdict", border=False):
        first, second, third = st.columns([2, 3, 3], vertical_alignment="bottom")
        said_by = first.text_input("Your name", key="by", max_chars=64)
        note = second.text_input("Note", key=f"note {asked}", max_chars=400)
        with third:
            verdict = st.segmented_control("Was it so?", OPINIONS, key=f"said {asked}")
        if st.form_submit_button("Store verdict"):
            _store(alert, verdict, said_by.strip(), note.strip())


def _store(alert: alerts.Alert, verdict: Opinion | None, said_by: str, note: str) -> None:
    if verdict is None or not said_by:
        st.warning("A verdict needs a name and one of the three answers.")
        return
    try:
        verdicts.give(SETTINGS, alert.alert_id, verdict, said_by=said_by, note=note)
    except CityhumError as error:
        st.warning(f"Not stored: {error}")
    else:
        st.rerun()


page("Alerts", _page)

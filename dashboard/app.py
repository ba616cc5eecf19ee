"""The dashboard, as Streamlit runs it: `python -m dashboard`.

The pages lie in `views/`: Streamlit would serve a folder `pages/` past this file.
"""

import streamlit as st

# the bar of pages is all there is above a page; on a phone names on the map would cover it
STYLE = """<style>
.stMainBlockContainer {padding-top: 4rem; padding-bottom: 2rem}
div:has(> .st-key-ahead) {display: none}
@media (max-width: 640px) {
    .st-key-plane .trace:nth-last-child(2) .text {display: none}
    .st-key-filters .stColumn {min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem)}
}
</style>"""

st.set_page_config(page_title="cityhum", layout="wide")
st.html(STYLE)
st.navigation(
    [
        st.Page("views/city.py", title="City now", default=True),
        st.Page("views/device.py", title="Device"),
        st.Page("views/sounds.py", title="Sounds"),
        st.Page("views/indicators.py", title="Indicators"),
        st.Page("views/alerts.py", title="Alerts"),
        st.Page("views/fleet.py", title="Fleet"),
        st.Page("views/replay.py", title="Replay"),
    ],
    position="top",
).run()

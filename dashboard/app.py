"""The dashboard: `streamlit run dashboard/app.py`.

The pages lie in `views/`: Streamlit would serve a folder `pages/` past this file.
"""

import streamlit as st

st.set_page_config(page_title="cityhum", layout="wide")
# the bar of pages is all there is above a page
st.html("<style>.stMainBlockContainer {padding-top: 4rem; padding-bottom: 2rem}</style>")
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

"""The dashboard: `streamlit run dashboard/app.py`."""

import streamlit as st

st.set_page_config(page_title="cityhum", layout="wide")
st.navigation(
    [
        st.Page("pages/city.py", title="City now", icon=":material/location_city:", default=True),
        st.Page("pages/device.py", title="Device", icon=":material/mic:"),
    ]
).run()

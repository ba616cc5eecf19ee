"""The dashboard: `streamlit run dashboard/app.py`.

The pages lie in `views/`: Streamlit would serve a folder `pages/` past this file.
"""

import streamlit as st

st.set_page_config(page_title="cityhum", layout="wide")
st.navigation(
    [
        st.Page("views/city.py", title="City now", default=True),
        st.Page("views/device.py", title="Device"),
    ]
).run()

"""`python -m dashboard [OPTIONS]`: check the settings, then become Streamlit, with its options."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from dashboard.settings import dashboard_settings
from schemas.errors import BadConfig

APP = Path(__file__).with_name("app.py")


def main() -> NoReturn:
    """Become Streamlit; ends with status 2 where a setting is wrong."""
    try:
        dashboard_settings()
    except BadConfig as error:
        print(f"cityhum: {error}", file=sys.stderr)  # noqa: T201  # before there is any page
        sys.exit(2)
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP), *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()

"""`python -m dashboard [OPTIONS]`: check the settings, then become Streamlit, with its options."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from dashboard.settings import dashboard_settings
from schemas.errors import BadConfig

APP = Path(__file__).with_name("app.py")
OPTIONS: Final = (
    # a reverse proxy with a login shows it to others
    "--server.address=127.0.0.1",
    "--server.headless=true",
    "--server.fileWatcherType=none",
    "--theme.base=light",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=minimal",
    "--client.showErrorDetails=none",
)
"""Here and not in a config.toml, which Streamlit reads in the folder it is started from only."""


def command(options: Sequence[str]) -> list[str]:
    """Streamlit's; of an option that comes twice it takes the last."""
    return [sys.executable, "-m", "streamlit", "run", str(APP), *OPTIONS, *options]


def main() -> NoReturn:
    """Become Streamlit; ends with status 2 where a setting is wrong."""
    try:
        dashboard_settings()
    except BadConfig as error:
        print(f"cityhum: {error}", file=sys.stderr)  # noqa: T201  # before there is any page
        sys.exit(2)
    os.execv(sys.executable, command(sys.argv[1:]))  # noqa: S606


if __name__ == "__main__":
    main()

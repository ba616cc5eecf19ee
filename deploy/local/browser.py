"""A headless Chromium that calls nobody, and when a page of the dashboard is all there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from schemas.errors import BadConfig

PAGES: Final = ("city", "device", "sounds", "indicators", "alerts", "fleet", "replay")
FIRST: Final = "city"
_OPTIONS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# the line that says when it was drawn comes last; figures draw themselves a little later, but for
# the one that is there to be read ahead
_ALL_THERE: Final = """() =>
    document.querySelector('.st-key-as-of')
    && !document.querySelector('[data-testid="stSkeleton"]')
    && [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
        .every(chart => chart.closest('.st-key-ahead')
            || chart.querySelector('.main-svg :is(.trace, image, .xtick)'))
    && [...document.querySelectorAll('[data-testid="stDataFrame"]')]
        .every(table => table.querySelector('canvas'))
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium.

    Raises
    ------
    BadConfig
        If it is not installed.
    """
    path = shutil.which("chromium")
    if path is None:
        raise BadConfig("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


def address_of(dashboard: str, page: str, **asked: str) -> str:
    """Address of a page with its filters."""
    filters = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in asked.items())
    return f"{dashboard}/{'' if page == FIRST else page}{'?' if filters else ''}{filters}"


def wait_all_there(page: Page, within_s: float = 30.0) -> None:
    """Return when a page has drawn everything; TimeoutError of Playwright if it does not."""
    page.wait_for_function(_ALL_THERE, timeout=1000 * within_s)

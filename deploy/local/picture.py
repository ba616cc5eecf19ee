"""Pictures of the dashboard for the README, taken by a headless Chromium while a demo runs.

`make demo`, and meanwhile `python -m deploy.local.picture`.
"""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page, sync_playwright

from schemas.errors import BadConfig

PAGES = {"city": "/", "device": "/device?span=10+minutes&device={device}"}
NO_CALLS_HOME = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
SETTLED_MS = 4000


def main(
    address: str = "http://127.0.0.1:8501",
    device: Annotated[str, typer.Option(help="shown on the device page")] = "pole-20",
    folder: Path = Path("docs/pictures"),
) -> None:
    """Take one picture of each page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BadConfig("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *NO_CALLS_HOME]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        for name, path in PAGES.items():
            _take(page, address + path.format(device=device), folder / f"{name}.png")
        browser.close()


def _take(page: Page, address: str, to: Path) -> None:
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot")
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=to)
    typer.echo(to)


if __name__ == "__main__":
    typer.run(main)

"""Pictures of the dashboard for the README, taken by a headless Chromium while a demo runs.

`make demo`, and meanwhile `python -m deploy.local.picture`.
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from playwright.sync_api import Page

from deploy.local.browser import address_of, chromium, wait_all_there

SETTLED_MS: Final = 500
WIDTH: Final = 1280
HEIGHTS: Final = {"city": 850, "device": 1080}


def main(
    address: str = "http://127.0.0.1:8501",
    device: Annotated[str, typer.Option(help="shown on the device page")] = "pole-20",
    folder: Path = Path("docs/pictures"),
) -> None:
    """Take one picture of the city and one of a device."""
    filters = {"city": {}, "device": {"device": device, "span": "10 minutes"}}
    with chromium() as browser:
        for name, asked in filters.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHTS[name]})
            _take(page, address_of(address, name, **asked), folder / f"{name}.png")
            page.close()


def _take(page: Page, address: str, to: Path) -> None:
    page.goto(address)
    wait_all_there(page)
    page.wait_for_timeout(SETTLED_MS)
    wait_all_there(page)  # it may just be drawing itself anew
    page.screenshot(path=to)
    typer.echo(to)


if __name__ == "__main__":
    typer.run(main)

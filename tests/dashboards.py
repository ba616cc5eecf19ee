"""Visits to the dashboard: what its pages say, and what they complain of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page

from deploy.local.browser import wait_all_there

PICTURES = Path(__file__).parents[1] / ".local" / "screenshots"
DESK = (1280, 900)
PHONE = (390, 844)
ROW_PX = 35
_TRACE = """([key, name]) => {
    const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`)
    const trace = chart._fullData.find(one => one.name === name)
    return [[...trace.x].map(String), [...trace.y]]
}"""
_SETTLED = "() => !document.querySelector('[data-stale=true]')"


@dataclass
class Visit:
    """One page, opened; `complaints` are errors of its scripts."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str) -> None:
        """Open an address and wait until everything is drawn."""
        self.page.goto(address)
        wait_all_there(self.page)
        self.page.wait_for_function(_SETTLED)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep an error, but not Streamlit's own search for where it is served."""
        if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
            self.complaints.append(message.text)

    def metric(self, label: str) -> str:
        """The figure under a label."""
        metric = self.page.get_by_test_id("stMetric").filter(has_text=label)
        return metric.get_by_test_id("stMetricValue").inner_text()

    def points(self, key: str, name: str) -> list[tuple[str, float | None]]:
        """Points of one line of a figure."""
        x, y = self.page.evaluate(_TRACE, [key, name])
        return list(zip(x, y, strict=True))

    def times(self, key: str, name: str) -> dict[datetime, float]:
        """Points over time, without gaps."""
        return {
            datetime.fromisoformat(x): y
            for x, y in self.points(key, name)
            if y is not None and not isnan(y)
        }

    def cell(self, table: str, column: int, row: int) -> str:
        """What a table says, by its accessible twin."""
        place = f"[aria-label='{table}'] [data-testid='glide-cell-{column}-{row}']"
        return (self.page.locator(place).first.text_content() or "").strip()

    def wait_for_cell(self, table: str, column: int, row: int) -> None:
        """Return once a table has this cell."""
        place = f"[aria-label='{table}'] [data-testid='glide-cell-{column}-{row}']"
        self.page.locator(place).first.wait_for(state="attached")

    def choose(self, table: str, row: int) -> None:
        """Tick a row of a table: its cells are painted, so it is found by its place."""
        box = self.page.locator(f"[data-testid='stDataFrame']:has([aria-label='{table}'])")
        place = box.first.bounding_box()
        assert place is not None
        self.page.mouse.click(place["x"] + 20, place["y"] + ROW_PX * (row + 1.5))

    def keep(self, name: str) -> None:
        """Keep a picture of the whole page."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        width = (self.page.viewport_size or {"width": DESK[0]})["width"]
        inner = "document.querySelector('[data-testid=stMain]').scrollHeight"
        self.page.set_viewport_size({"width": width, "height": int(self.page.evaluate(inner))})
        wait_all_there(self.page)
        self.page.screenshot(path=PICTURES / f"{name}.png")


@contextmanager
def visit(browser: Browser, size: tuple[int, int] = DESK) -> Iterator[Visit]:
    """A visitor who has never been here; without complaints in the end."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    visitor = Visit(context.new_page())
    visitor.page.on("console", visitor.heard)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    yield visitor
    context.close()
    assert not visitor.complaints

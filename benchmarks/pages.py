"""How fast do the dashboard's pages open on a month? `python -m benchmarks pages [--json]`.

A private PostgreSQL is given the windows of twenty devices and 30 days: what 51.8 million readings
leave. Rows of 1 min, 15 min, 1 h and days are all there, 10 s rows for `--base-days` (31 days is
what docs/windows.md keeps, so all of them: they take four minutes to write), seconds for an hour.
Then each page is opened again and again in a browser that has never seen it (nothing cached), at
the spans named here, and timed from the call to the last figure drawn. The first visit after the
start, which reads Python modules, is not counted.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import Browser

from benchmarks import pages_month
from deploy.local.browser import address_of, chromium, wait_all_there
from deploy.local.dashboard import served
from deploy.local.postgres import Postgres

PAGES: Final[Sequence[tuple[str, Mapping[str, str]]]] = (
    ("city", {}),
    ("device", {"device": "pole-07", "span": "10 minutes"}),
    ("device", {"device": "pole-07", "span": "1 day"}),
    ("device", {"device": "pole-07", "span": "30 days"}),
    ("device", {"device": "pole-07", "span": "10 years"}),
    ("sounds", {"span": "30 days"}),
    ("indicators", {"device": "pole-07", "span": "30 days"}),
    ("alerts", {"span": "30 days"}),
    ("fleet", {}),
    ("replay", {}),
)
LIMIT_S: Final = 3.0
_VIEW: Final = {"width": 1280, "height": 900}


def opened_s(browser: Browser, address: str) -> float:
    """Seconds until a page is all there, for a visitor who comes for the first time."""
    context = browser.new_context(viewport=_VIEW)  # type: ignore[arg-type]
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address)
    wait_all_there(page, within_s=60)
    took_s = time.perf_counter() - began
    context.close()
    return took_s


def p95(seconds: Sequence[float]) -> float:
    """95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def measured(browser: Browser, dashboard: str, visits: int) -> Iterator[dict[str, Any]]:
    """Open each page so many times, in turns, so that no page has the quiet minute to itself."""
    took: dict[int, list[float]] = {place: [] for place in range(len(PAGES))}
    for turn in range(visits + 1):
        for place, (name, asked) in enumerate(PAGES):
            seconds = opened_s(browser, address_of(dashboard, name, **asked))
            if turn:
                took[place].append(seconds)
    for place, (name, asked) in enumerate(PAGES):
        yield {
            "page": name,
            "span": asked.get("span", ""),
            "median_s": round(statistics.median(took[place]), 2),
            "p95_s": round(p95(took[place]), 2),
            "visits": visits,
        }


def run(visits: int, base_days: int) -> dict[str, Any]:
    """Make the month, open the pages, say how long both took."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        postgres = Postgres(folder)
        postgres.start()
        try:
            began = time.perf_counter()
            pages_month.fill(postgres, datetime.now(UTC).replace(microsecond=0), base_days)
            made_s = time.perf_counter() - began
            with (
                served(pages_month.addresses_of(postgres, folder)) as dashboard,
                chromium() as browser,
            ):
                pages = list(measured(browser, dashboard, visits))
            held = pages_month.held(postgres)
        finally:
            postgres.stop()
            postgres.remove()
    return {
        "readings": pages_month.READINGS,
        "base_days": base_days,
        "month_made_s": round(made_s, 1),
        **held,
        "limit_s": LIMIT_S,
        "pages": pages,
        "ok": all(page["p95_s"] < LIMIT_S for page in pages),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if a page takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=20, help="of each page")
    parser.add_argument("--base-days", type=int, default=30, help="of 10 s rows")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = run(asked.visits, asked.base_days)
    if asked.json:
        print(json.dumps(found))  # noqa: T201
    else:
        _tell(found)
    return 0 if found["ok"] else 1


def _tell(found: Mapping[str, Any]) -> None:
    windows, megabytes = found["level_windows"], found["megabytes"]
    print(f"{found['readings']:,} readings in {windows:,} windows, {megabytes} MB")  # noqa: T201
    for page in found["pages"]:
        print(  # noqa: T201
            f"{page['page']:12}{page['span']:12} median {page['median_s']:.2f} s,"
            f" p95 {page['p95_s']:.2f} s"
        )


if __name__ == "__main__":
    sys.exit(main())

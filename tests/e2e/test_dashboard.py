"""Every page in a browser while the demo runs: what it says is what the database says."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from playwright.sync_api import Browser

from deploy.local.browser import address_of, chromium
from deploy.local.kafka_jars import jars_folder, kafka_jars
from deploy.local.ports import free_port
from deploy.local.stack import Addresses, read_addresses
from tests.dashboards import PHONE, Visit, visit
from tests.servers import JARS

pytestmark = pytest.mark.timeout(400)
READY_WITHIN_S = 330
DEVICE = "pole-20"
PAST_DEVICE = "pole-05"
STRICTER = """
rules:
  - {rule: siren, label: siren, on_score: 999, off_score: 998, on_seconds: 5, of_seconds: 5,
     off_seconds: 6, cooldown_s: 10, max_duration_s: 600}
"""
SEEN = """
SELECT device, 10 * log(avg(power(10, laeq_1s_db / 10.0)))
FROM generate_series(now() - interval '25 s', now(), interval '0.05 s') AS at
JOIN reading ON started_at > at - interval '10 s' AND written_at <= at
GROUP BY at, device
"""
ORIGINS = """
SELECT w.started_at AT TIME ZONE 'Europe/Berlin',
       100 * sum(coalesce(own.share, 0) * coverage_s) / sum(coverage_s)
FROM level_window w LEFT JOIN LATERAL (
    SELECT sum(energy_share) AS share FROM label_window l
    WHERE l.device = w.device AND l.length_s = 10 AND l.started_at = w.started_at
      AND origin = 'technogenic') AS own ON true
WHERE length_s = 10 GROUP BY w.started_at HAVING bool_and(final) AND count(*) = 20
"""
PAST = """
INSERT INTO level_window (site, device, length_s, started_at, calibration, laeq_db, lceq_db,
    lzeq_db, lafmax_db, lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s,
    floor_s, final)
SELECT 'harbour', %s, length_s, at, 'x', 60 + extract(hour FROM at) / 4, 0, 0, 70, 70, 80, 66, 60,
       50, length_s, 0, 0, true
FROM (VALUES (900), (3600)) AS lengths (length_s), generate_series(
    timestamptz '2026-03-09 23:00Z', '2026-03-14 22:59Z', make_interval(secs => length_s)) AS at
ON CONFLICT DO NOTHING
"""


class Demo(NamedTuple):
    """A running demo."""

    dashboard: str
    addresses: Addresses

    def rows(self, sql: str, *values: object, role: str = "cityhum_owner") -> list[Any]:
        """Rows of a query."""
        stack = self.addresses
        with psycopg.connect(
            host=stack.postgres_host, port=stack.postgres_port, dbname=stack.postgres_db,
            user=role, passfile=str(stack.secrets / "pgpass"),
        ) as connection:  # fmt: skip
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def publish(self, device: str, stream: str, payload: str) -> None:
        """Say something as a device."""
        stack = self.addresses
        password = (stack.secrets / "devices" / device).read_text(encoding="utf-8").strip()
        login = ("-u", device, "-P", password, "-h", stack.mqtt_host, "-p", str(stack.mqtt_port))
        message = ("-t", f"cityhum/v1/harbour/{device}/{stream}", "-m", payload)
        subprocess.run(["mosquitto_pub", "-V", "5", "-q", "1", *login, *message], check=True)

    def cityhum(self, *command: str) -> str:
        """What a command says."""
        environment = {**os.environ, **self.addresses.environment(postgres_role="cityhum_replay")}
        program = [sys.executable, "-m", "cityhum", *command]
        return subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True
        ).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as `make demo` starts it; yielded when the first siren has ended."""
    folder = tmp_path_factory.mktemp("demo")
    cache = folder / "kafka"
    cache.mkdir()
    jars_folder(cache).symlink_to(kafka_jars(JARS))
    port = free_port()
    ports = ("--dashboard-port", str(port), "--api-port", "0")
    process = subprocess.Popen(
        [*(sys.executable, "-m", "deploy.local.demo"), *ports],
        env={**os.environ, "CITYHUM_LOCAL_FOLDER": str(folder)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield _when_a_siren_has_ended(folder, port, process)
    finally:
        process.terminate()
        process.wait(timeout=120)


def _when_a_siren_has_ended(folder: Path, port: int, process: subprocess.Popen[bytes]) -> Demo:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        addresses = read_addresses(folder) if (folder / "run").exists() else None
        if addresses and (folder / "events.json").parent.exists():
            demo = Demo(f"http://127.0.0.1:{port}", addresses)
            try:
                if demo.rows("SELECT alert_id FROM alert WHERE state = 'cleared'"):
                    return demo
            except psycopg.Error:
                pass  # not yet there, or not yet migrated
        time.sleep(0.5)
    raise AssertionError("no siren was heard to its end")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser) as opened:
        yield opened


def test_city(demo: Demo, visitor: Visit) -> None:
    visitor.go(address_of(demo.dashboard, "city"))
    levels = {
        visitor.cell("Devices", 0, row): float(visitor.cell("Devices", 2, row)) for row in range(20)
    }
    seen: dict[str, list[float]] = {}
    for device, level in demo.rows(SEEN):
        seen.setdefault(device, []).append(level)
    assert visitor.metric("Heard now") == "20 of 20"
    assert levels.keys() == seen.keys()
    assert all(any(abs(level - one) < 0.06 for one in seen[d]) for d, level in levels.items())
    visitor.keep("city")


def test_city_on_a_phone(demo: Demo, browser: Browser) -> None:
    with visit(browser, PHONE) as visitor:
        visitor.go(address_of(demo.dashboard, "city"))
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        visitor.keep("city-phone")


def test_device(demo: Demo, visitor: Visit) -> None:
    visitor.go(address_of(demo.dashboard, "device", device=DEVICE, span="10 minutes"))
    stored = dict(
        demo.rows(
            "SELECT started_at AT TIME ZONE 'Europe/Berlin', laeq_1s_db FROM reading"
            " WHERE device = %s",
            DEVICE,
        )
    )
    drawn = visitor.times("levels", "LAeq,1s")
    assert len(drawn) > 20
    assert drawn == pytest.approx({at: stored[at] for at in drawn}, abs=0.005)
    assert visitor.metric("Calibration") != "none"
    visitor.keep("device")


def test_a_device_keeps_its_filters_in_the_address(demo: Demo, visitor: Visit) -> None:
    visitor.go(address_of(demo.dashboard, "device"))
    visitor.page.get_by_test_id("stSelectbox").filter(has_text="Device").click()
    visitor.page.get_by_role("option", name="pole-03", exact=True).click()
    visitor.page.wait_for_url("**device=pole-03**")
    visitor.page.get_by_text("Customs house").wait_for()


def test_sounds(demo: Demo, visitor: Visit) -> None:
    visitor.go(address_of(demo.dashboard, "sounds", span="10 minutes"))
    drawn = visitor.times("origins", "technogenic")
    still_changing = max(drawn)
    stored = {at: share for at, share in demo.rows(ORIGINS) if at in drawn and at != still_changing}
    assert len(stored) >= 2
    assert {at: drawn[at] for at in stored} == pytest.approx(stored, abs=0.05)
    visitor.keep("sounds")


def test_indicators(demo: Demo, visitor: Visit) -> None:
    demo.rows(PAST, PAST_DEVICE)
    asked = {"device": PAST_DEVICE, "until": "2026-03-15", "span": "7 days"}
    visitor.go(address_of(demo.dashboard, "indicators", **asked))
    stored = demo.rows(
        "SELECT date::text, lden_db FROM indicator_day WHERE device = %s AND lden_db IS NOT NULL"
        " AND date < '2026-03-15'",
        PAST_DEVICE,
    )
    drawn = {str(at.date()): level for at, level in visitor.times("levels", "Lden").items()}
    assert len(stored) == 5
    assert drawn == pytest.approx(dict(stored), abs=0.005)
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.path().read_text().startswith("device,date,calibrated,ld_db")
    visitor.keep("indicators")


def test_a_month_without_readings_says_so(demo: Demo, visitor: Visit) -> None:
    asked = {"device": PAST_DEVICE, "until": "2025-06-30", "span": "30 days"}
    visitor.go(address_of(demo.dashboard, "indicators", **asked))
    visitor.page.get_by_text("No hour of this device has been added up on these dates.").wait_for()


def test_an_alert_is_judged(demo: Demo, visitor: Visit) -> None:
    alert, onset, device, peak = demo.rows(
        "SELECT alert_id::text, to_char(onset_at AT TIME ZONE 'Europe/Berlin',"
        " 'YYYY-MM-DD HH24:MI:SS'), device, peak_laeq_1s_db FROM alert"
        " WHERE state = 'cleared' ORDER BY onset_at DESC LIMIT 1"
    )[0]
    visitor.go(address_of(demo.dashboard, "alerts", devices=device))
    visitor.choose("Alerts", 0)
    visitor.page.get_by_text("Your name").wait_for()
    visitor.go(address_of(demo.dashboard, "alerts", alert=alert, devices=device))
    (there,) = demo.rows("SELECT count(*) FROM alert WHERE device = %s", device)[0]
    listed = [
        (visitor.cell("Alerts", 1, row), float(visitor.cell("Alerts", 6, row)))
        for row in range(there)
    ]
    assert any(at == onset and abs(level - peak) < 0.005 for at, level in listed)
    visitor.page.get_by_label("Your name").fill("Ada")
    visitor.page.get_by_role("radio", name="true").or_(
        visitor.page.get_by_role("button", name="true", exact=True)
    ).first.click()
    visitor.page.get_by_role("button", name="Store verdict").click()
    visitor.page.get_by_text("Verdict: true, by Ada").wait_for()
    query = "SELECT verdict, said_by FROM verdict WHERE alert_id = %s"
    said = demo.rows(query, alert, role="cityhum_operator")
    assert said == [("true", "Ada")]
    visitor.keep("alerts")


def test_fleet(demo: Demo, visitor: Visit) -> None:
    demo.publish(DEVICE, "features", "garbage")
    visitor.go(address_of(demo.dashboard, "fleet"))
    shown = {visitor.cell("Fleet", 0, row): int(visitor.cell("Fleet", 5, row)) for row in range(20)}
    assert shown == dict(demo.rows("SELECT device, missing FROM ledger"))
    folds = demo.rows("SELECT DISTINCT program, topic FROM checkpoint ORDER BY 1, 2")
    assert folds == [
        (visitor.cell("Processors", 0, row), visitor.cell("Processors", 1, row))
        for row in range(len(folds))
    ]
    assert visitor.metric("Offline") == "0"
    visitor.wait_for_cell("Dead letters", 0, 0)
    dead = [visitor.cell("Dead letters", column, 0) for column in range(3)]
    assert dead == [DEVICE, "malformed", "1"]
    visitor.keep("fleet")


def test_replay(demo: Demo, visitor: Visit, tmp_path: Path) -> None:
    visitor.go(address_of(demo.dashboard, "replay"))
    visitor.page.get_by_text("No replay yet").wait_for()
    rules = tmp_path / "stricter.yaml"
    rules.write_text(STRICTER, encoding="utf-8")
    begin, end = demo.rows(
        "SELECT min(onset_at) - interval '5 s', max(ended_at) FROM alert WHERE state = 'cleared'"
    )[0]
    asked = [*("--from", _iso(begin), "--to", _iso(end)), "--rules", str(rules)]
    demo.cityhum("replay", *asked, "--into", "stricter")
    found = json.loads(demo.cityhum("replay", "diff", "stricter", "--json"))["alerts"]
    visitor.go(address_of(demo.dashboard, "replay", replay="stricter"))
    assert len(found["lost"]) > 0
    assert visitor.metric("Alerts lost") == str(len(found["lost"]))
    assert visitor.metric("Alerts gained") == str(len(found["gained"]))
    visitor.keep("replay")


def _iso(at: datetime) -> str:
    return at.isoformat()

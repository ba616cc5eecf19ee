"""What the API answers, whatever is behind it: run on the fake record and on a real database."""

import asyncio
from collections.abc import Callable, Iterator
from csv import DictReader
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from geojson_pydantic import FeatureCollection
from httpx import ASGITransport, AsyncClient, Response

from api.access import Gate
from api.app import create
from api.keys import Key, Scope, made
from api.ports import Records
from api.services import Services
from tests.fakes_api import SilentBell
from tests.recorded import ALERT_IDS, HOUR, LOUD, QUIET, SECONDS, SILENT

NOW = HOUR.end
SECRET, LEVELS_ONLY, SLOW = "cityhum_all", "cityhum_levels", "cityhum_slow"
KEYS: dict[str, Key] = {
    key.sha256: key
    for key in (
        made("everybody", [*Scope], SECRET, 60_000),
        made("levels-only", [Scope.LEVELS], LEVELS_ONLY),
        made("slow", [Scope.LEVELS], SLOW, per_minute=6),
    )
}
SPAN = {"from": "2026-05-04T10:00:00Z", "to": "2026-05-04T11:00:00Z"}

Ask = Callable[..., Response]


def services(records: Records, **others: Any) -> Services:  # noqa: ANN401
    """Services over a record, at the end of its hour; the steady clock stands still."""
    gate = Gate(lambda: KEYS, lambda: 0.0)
    return Services(records, gate, SilentBell(), lambda: NOW, **others)


async def opened(transport: ASGITransport) -> AsyncClient:
    """Client made where it is used."""
    return AsyncClient(transport=transport, base_url="http://test")


class ApiContract:
    """Every question, and every way to ask it wrongly."""

    @pytest.fixture(scope="class")
    @classmethod
    def records(cls) -> Iterator[Records]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def ask(cls, records: Records) -> Iterator[Ask]:
        transport = ASGITransport(create(services(records)), raise_app_exceptions=False)
        with asyncio.Runner() as loop:
            client = loop.run(opened(transport))

            def get(path: str, secret: str = SECRET, **query: Any) -> Response:  # noqa: ANN401
                headers = {"Authorization": f"Bearer {secret}"} if secret else {}
                return loop.run(client.get(path, params=query, headers=headers))

            yield get
            loop.run(client.aclose())

    # --- answers ----------------------------------------------------------------------------------

    def test_devices_are_told_in_every_form(self, ask: Ask) -> None:
        devices = ask("/v1/devices").json()["devices"]
        assert {LOUD, QUIET, SILENT} <= {device["device"] for device in devices}
        places: FeatureCollection[Any] = FeatureCollection.model_validate(
            ask("/v1/devices", format="geojson").json()
        )
        assert len(places.features) == len(devices)
        rows = list(DictReader(StringIO(ask("/v1/devices", format="csv").text)))
        assert [row["device"] for row in rows] == [device["device"] for device in devices]

    def test_levels_are_as_fine_as_the_points_allow(self, ask: Ask) -> None:
        answer = ask("/v1/levels", device=LOUD, points=60, **SPAN).json()
        (series,) = answer["series"]
        assert (answer["resolution_s"], len(series["levels"])) == (60, 60)
        assert series["coverage"] == 1
        assert series["levels"][0]["laeq_db"] == 65.25
        assert series["levels"][0]["started_at"] == "2026-05-04T10:00:00Z"

    def test_seconds_are_told_if_asked_for(self, ask: Ask) -> None:
        (series,) = ask("/v1/levels", device=LOUD, resolution="1s", **SPAN).json()["series"]
        assert len(series["levels"]) == SECONDS
        assert series["coverage"] == SECONDS / 3600

    def test_a_device_that_heard_nothing_has_an_empty_series(self, ask: Ask) -> None:
        first, second = ask("/v1/levels", device=[SILENT, LOUD], **SPAN).json()["series"]
        assert (first["device"], first["coverage"], first["levels"]) == (SILENT, 0, [])
        assert second["device"] == LOUD

    def test_pages_of_windows_hold_every_row_once(self, ask: Ask) -> None:
        seen: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = ask("/v1/windows", device=[LOUD, QUIET], limit=50, **SPAN, **more).json()
            seen += [f"{row['started_at']} {row['device']}" for row in page["windows"]]
            if page["next"] is None:
                break
            more = {"cursor": page["next"]}
        assert len(seen) == len(set(seen)) == 120
        assert seen == sorted(seen)

    def test_labels_are_told_with_their_own_level(self, ask: Ask) -> None:
        answer = ask("/v1/labels", device=LOUD, length="15min", label="siren", **SPAN).json()
        (row,) = answer["labels"]
        assert (row["label"], row["active_s"], row["source_leq_db"]) == ("siren", 5, 64.5)

    def test_alerts_are_told_newest_first(self, ask: Ask) -> None:
        answer = ask("/v1/alerts", limit=2, **SPAN).json()
        assert [UUID(alert["alert_id"]) for alert in answer["alerts"]] == list(ALERT_IDS[:2:-1])
        rest = ask("/v1/alerts", cursor=answer["next"], **SPAN).json()
        assert len(rest["alerts"]) == 3
        assert rest["next"] is None
        assert answer["live"]
        assert rest["live"] is None  # a place of its own would be behind what came since the first
        (still,) = ask("/v1/alerts", open="true", **SPAN).json()["alerts"]
        assert UUID(still["alert_id"]) == ALERT_IDS[-1]

    def test_an_alert_of_a_device_whose_clock_is_ahead_is_told(self, records: Records) -> None:
        heard_at = HOUR.begin + timedelta(minutes=len(ALERT_IDS) - 1)
        served = replace(services(records), now=lambda: heard_at - timedelta(seconds=20))

        async def answered() -> Response:
            headers = {"Authorization": f"Bearer {SECRET}"}
            async with await opened(ASGITransport(create(served))) as client:
                return await client.get("/v1/alerts", headers=headers)

        told = asyncio.run(answered()).json()["alerts"]
        assert [UUID(alert["alert_id"]) for alert in told] == list(reversed(ALERT_IDS))

    def test_alerts_are_places_too(self, ask: Ask) -> None:
        answer = ask("/v1/alerts", format="geojson", **SPAN)
        assert answer.headers["content-type"] == "application/geo+json"
        assert len(FeatureCollection.model_validate(answer.json()).features) == len(ALERT_IDS)

    def test_one_alert_is_found_by_its_id(self, ask: Ask) -> None:
        assert ask(f"/v1/alerts/{ALERT_IDS[0]}").json()["state"] == "cleared"
        assert ask(f"/v1/alerts/{UUID(int=99)}").status_code == 404

    def test_a_month_that_nobody_heard_says_coverage_0(self, ask: Ask) -> None:
        asked = {"device": SILENT, "from": "2026-04-01", "to": "2026-04-30"}
        days = ask("/v1/indicators", **asked).json()["indicators"]
        assert len(days) == 30
        assert {(day["day_coverage"], day["lden_db"]) for day in days} == {(0, None)}

    def test_months_are_told_whole_and_every_one(self, ask: Ask) -> None:
        asked = {"device": SILENT, "from": "2025-11-30", "to": "2026-02-01"}
        months = ask("/v1/indicators/months", **asked).json()["indicators"]
        assert [month["date"] for month in months] == [
            "2025-11-01",
            "2025-12-01",
            "2026-01-01",
            "2026-02-01",
        ]
        assert {month["night_coverage"] for month in months} == {0}

    def test_it_is_ready(self, ask: Ask) -> None:
        assert ask("/health/ready", secret="").json() == {"status": "ok"}

    # --- questions that have no answer ------------------------------------------------------------

    @pytest.mark.parametrize(
        ("query", "status", "says"),
        [
            ({}, 422, "device: Field required"),
            ({"device": "pole-99"}, 404, "no device is called 'pole-99'"),
            ({"device": "'; DROP TABLE alert; --"}, 422, "device.0: String should match"),
            ({"device": "<script>"}, 422, "device.0"),
            ({"device": "pole\x00"}, 422, "device.0"),
            ({"device": LOUD, "from": "2016-05-04T10:00:00Z", "resolution": "1s"}, 422, "points"),
            ({"device": LOUD, "from": "1971-01-01T00:00:00Z", "points": 100}, 422, "100 days"),
            ({"device": LOUD, "from": "2026-05-04T10:00:00"}, 422, "from: Input should have time"),
            ({"device": LOUD, "from": "1777880000"}, 422, "write it as 2026-05-04T10:00:00Z"),
            ({"device": LOUD, "from": "2027-01-01T00:00:00Z"}, 422, "ends before it begins"),
            ({"device": 51 * [LOUD]}, 422, "device"),
            ({"device": LOUD, "form": "2026-05-04T10:00:00Z"}, 422, "unknown parameter 'form'"),
            ({"device": LOUD, "points": 10**9}, 422, "points"),
            ({"device": LOUD, "points": [5, 9]}, 422, "'points' may be given once"),
        ],
    )
    def test_a_bad_question_is_told_what_is_wrong(
        self, ask: Ask, query: dict[str, object], status: int, says: str
    ) -> None:
        answer = ask("/v1/levels", **query)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert says in answer.json()["detail"]

    @pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "0", "2026-02-30"])
    def test_a_date_that_no_calendar_holds_is_refused(self, ask: Ask, day: str) -> None:
        for bound in ("from", "to"):
            assert ask("/v1/indicators", device=LOUD, **{bound: day}).status_code == 422

    @pytest.mark.parametrize("cursor", ["x", "bm90aGluZw", "WyJhIiwgMV0", "8" * 200])
    @pytest.mark.parametrize("path", ["/v1/windows", "/v1/labels", "/v1/alerts"])
    def test_a_cursor_of_somebody_else_is_refused(self, ask: Ask, path: str, cursor: str) -> None:
        assert ask(path, device=LOUD, cursor=cursor).status_code == 422

    def test_ten_years_are_answered_coarsely_or_not_at_all(self, ask: Ask) -> None:
        decade = {"from": "2016-05-04T10:00:00Z", "to": "2026-05-04T11:00:00Z"}
        assert ask("/v1/levels", device=LOUD, points=4000, **decade).json()["resolution_s"] == 86400
        assert "1970" not in ask("/v1/levels", device=LOUD, **decade).json()["detail"]
        days = {"from": "2000-01-01", "to": "2026-05-04"}
        assert (
            "ask for 2000-01-01 to" in ask("/v1/indicators", device=LOUD, **days).json()["detail"]
        )

    # --- keys -------------------------------------------------------------------------------------

    def test_a_wrong_key_opens_nothing(self, ask: Ask) -> None:
        for secret in ("", "cityhum_wrong"):
            answer = ask("/v1/devices", secret=secret)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"

    def test_a_key_opens_only_what_it_is_for(self, ask: Ask) -> None:
        assert ask("/v1/devices", secret=LEVELS_ONLY).status_code == 200
        assert ask("/v1/alerts", secret=LEVELS_ONLY).status_code == 403
        assert ask("/v1/alerts/live", secret=LEVELS_ONLY).status_code == 403

    def test_a_key_that_asks_too_often_is_told_when_to_come_back(self, ask: Ask) -> None:
        assert ask("/v1/devices", secret=SLOW).status_code == 200
        refused = ask("/v1/devices", secret=SLOW)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        assert ask("/v1/devices").status_code == 200  # nobody else waits for it

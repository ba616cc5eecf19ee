"""Questions that leave something out."""

from dataclasses import replace
from datetime import UTC, datetime

from httpx import ASGITransport, AsyncClient

from api.app import create
from tests.api_contract import SECRET, services
from tests.fakes_api import MemoryRecords
from tests.recorded import LOUD


async def test_today_is_asked_for_wherever_it_has_begun() -> None:
    """Half past ten in the evening in Greenwich is tomorrow in Auckland."""
    known = replace(services(MemoryRecords()), now=lambda: datetime(2026, 5, 4, 22, 30, tzinfo=UTC))
    transport = ASGITransport(create(known))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(
            "/v1/indicators",
            params={"device": LOUD},
            headers={"Authorization": f"Bearer {SECRET}"},
        )
    dates = [row["date"] for row in answer.json()["indicators"]]
    assert (dates[0], dates[-1], len(dates)) == ("2026-04-06", "2026-05-05", 30)

"""The API over a record in memory."""

import pytest

from api.ports import Records
from tests.api_contract import ApiContract
from tests.fakes_api import MemoryRecords


class TestApiOverMemory(ApiContract):
    @pytest.fixture(scope="class")
    @classmethod
    def records(cls) -> Records:
        return MemoryRecords()

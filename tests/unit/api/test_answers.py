"""The API over a record in memory."""

import pytest

from api.answers import as_csv
from api.ports import Records
from tests.api_contract import ApiContract
from tests.fakes_api import MemoryRecords


def test_no_cell_of_a_table_is_a_formula() -> None:
    row = {"said_by": '=HYPERLINK("x")', "note": "\tquay", "level_db": -3.5, "device": "pole-01"}
    lines = bytes(as_csv([*row], [row]).body).decode().splitlines()
    assert lines[1] == """"'=HYPERLINK(""x"")",'\tquay,-3.5,pole-01"""


class TestApiOverMemory(ApiContract):
    @pytest.fixture(scope="class")
    @classmethod
    def records(cls) -> Records:
        return MemoryRecords()

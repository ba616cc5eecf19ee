"""The API over a real database, in this process and over a real socket."""

from collections.abc import Iterator

import pytest

from api.adapters.records import DatabaseRecords
from api.ports import Records
from records.adapters.postgres import PostgresReader
from tests.api_contract import ApiContract
from tests.database import Database
from tests.recorded import address, fill


class TestApiOverPostgres(ApiContract):
    @pytest.fixture
    def records(self, database: Database) -> Iterator[Records]:
        fill(database)
        with PostgresReader(address(database)) as reader:
            yield DatabaseRecords(reader)

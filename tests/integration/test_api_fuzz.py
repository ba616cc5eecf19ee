"""Requests made from the OpenAPI document, good and bad ones, by the thousand (`make fuzz-api`)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.adapters.records import DatabaseRecords
from api.app import create
from deploy.local.postgres import Postgres
from records.adapters.postgres import PostgresReader
from tests.api_contract import SECRET, services
from tests.database import Database
from tests.fakes_api import DeafEars, MemoryRecords
from tests.recorded import LOUD, address, fill

# of sounds it can make none but bytes
pytestmark = pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload")

APP = create(services(MemoryRecords(), ears=DeafEars()))
DOCUMENT = schemathesis.openapi.from_asgi("/openapi.json", APP).exclude(path_regex="/live")
NAME = re.compile("[a-z0-9][a-z0-9-]*")


@pytest.fixture(scope="module", autouse=True)
def real_record(postgres: Postgres) -> Iterator[None]:
    database = Database(postgres)
    database.prepare()
    fill(database)
    with PostgresReader(address(database)) as reader:
        APP.state.services = services(DatabaseRecords(reader), ears=DeafEars())
        yield


@DOCUMENT.hook
def map_query(_: HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask of a device that there is, wherever a name is one at all: the rest is soon refused."""
    named = (query or {}).get("device")
    if isinstance(named, list) and all(NAME.fullmatch(str(one)) for one in named):
        return {**(query or {}), "device": [LOUD for _ in named]}
    return query


@DOCUMENT.parametrize()
def test_whatever_is_asked_is_answered_as_documented(case: Case[Any]) -> None:
    # that a span must not end before it begins, no document can say
    case.call_and_validate(
        headers={"Authorization": f"Bearer {SECRET}"}, excluded_checks=[positive_data_acceptance]
    )

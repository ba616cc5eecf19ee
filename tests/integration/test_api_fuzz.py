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
NAMED = ("device", "label", "rule", "site")


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
    asked = {name: _as_text(name, value) for name, value in (query or {}).items()}
    named = asked.get("device")
    if isinstance(named, list) and all(NAME.fullmatch(str(one)) for one in named):
        asked["device"] = [LOUD for _ in named]
    return asked


@DOCUMENT.hook
def filter_case(_: HookContext, case: Case[Any]) -> bool:
    """Leave out what was to be bad and is a good question: empty lists vanish in an address."""
    meant_badly = case.meta is not None and case.meta.generation.mode.is_negative
    said = {name: value for name, value in (case.query or {}).items() if value not in ([], {})}
    named = said.get("device")
    good = isinstance(named, list) and all(one == LOUD for one in named) and len(said) == 1
    return not (meant_badly and good)


def _as_text(name: str, value: Any) -> Any:  # noqa: ANN401  # whatever was made up
    """What is no name in JSON must be none in an address, where `false` and `[7]` would be."""
    if name not in NAMED or value is None or isinstance(value, str):
        return value
    if name != "site" and isinstance(value, list):
        return [one if isinstance(one, str) else f"{one}!" for one in value]
    return f"{value}!"


@DOCUMENT.parametrize()
def test_whatever_is_asked_is_answered_as_documented(case: Case[Any]) -> None:
    # that a span must not end before it begins, no document can say
    case.call_and_validate(
        headers={"Authorization": f"Bearer {SECRET}"}, excluded_checks=[positive_data_acceptance]
    )

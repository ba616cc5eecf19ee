"""The dashboard on a database that is empty, hostile, or away."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from deploy.local.browser import address_of, chromium
from deploy.local.dashboard import served
from deploy.local.postgres import Postgres
from deploy.local.stack import Addresses
from tests.dashboards import Visit, visit
from tests.database import Database

pytestmark = pytest.mark.timeout(180)
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>Quay</b> *gate*"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of its own: it is stopped and started."""
    own = Postgres(tmp_path_factory.mktemp("dashboard"))
    own.start()
    yield own
    own.stop()
    own.remove()


@pytest.fixture(scope="module")
def dashboard(server: Postgres) -> Iterator[str]:
    Database(server).prepare()
    folder: Path = server.passfile.parent
    addresses = Addresses("", 0, "", server.host, server.port, server.database, folder)
    with served(addresses) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser) as opened:
        yield opened


@pytest.mark.parametrize(
    ("page", "asked", "said"),
    [
        ("device", {"span": "10 years"}, "Nothing was heard of this device in this span."),
        ("device", {"span": "10 minutes"}, "Nothing was heard of this device in this span."),
        ("sounds", {"span": "10 years"}, "Nothing was heard in this span."),
        ("indicators", {"span": "10 years", "by": "month"}, "No hour of this device has been"),
        ("alerts", {}, "No alert in this span."),
        ("fleet", {}, "No processor has stored anything yet."),
        ("replay", {}, "No replay yet."),
    ],
)
def test_a_page_without_data_says_so(
    dashboard: str, visitor: Visit, page: str, asked: dict[str, str], said: str
) -> None:
    visitor.go(address_of(dashboard, page, **asked))
    visitor.page.get_by_text(said).wait_for()


def test_an_alert_that_is_none_is_no_error(dashboard: str, visitor: Visit) -> None:
    visitor.go(address_of(dashboard, "alerts", alert="1' OR '1'='1"))
    visitor.page.get_by_text("Choose an alert above").wait_for()


def test_a_hostile_name_is_shown_as_it_is(dashboard: str, server: Postgres, visitor: Visit) -> None:
    Database(server).query("UPDATE device SET name = %s WHERE device = 'pole-01'", HOSTILE)
    visitor.go(address_of(dashboard, "city"))
    assert visitor.cell("Devices", 1, 0) == HOSTILE
    visitor.page.locator(".st-key-plane text").filter(has_text="<b>Quay</b> *gate*").wait_for()
    visitor.go(address_of(dashboard, "indicators", device="pole-01"))
    assert visitor.page.locator("img[src='x']").count() == 0
    assert "owned" not in visitor.page.title()


def test_alerts_of_devices_that_are_gone_are_listed_and_judged_each_for_itself(
    dashboard: str, server: Postgres, visitor: Visit
) -> None:
    database = Database(server)
    ids = [uuid4(), uuid4()]
    for one in ids:
        database.query(
            "INSERT INTO alert (alert_id, revision, state, rule, rule_version, site, device,"
            " session, onset_at, raised_at, ended_at, peak_laeq_1s_db, active_s, historical)"
            " VALUES (%s, 1, 'cleared', 'siren', '1', 'harbour', 'gone-01', 's', now(), now(),"
            " now(), 80, 5, false)",
            one,
        )
    note = visitor.page.get_by_label("Note")
    visitor.go(address_of(dashboard, "alerts", alert=str(ids[0])))
    assert visitor.cell("Alerts", 3, 0) == "gone-01"
    note.fill("only of this one")
    visitor.choose("Alerts", 0)  # the newest: the other one
    visitor.page.wait_for_function("document.querySelector('[aria-label=Note]').value === ''")


def test_a_database_that_was_away_is_found_again(
    dashboard: str, server: Postgres, visitor: Visit
) -> None:
    visitor.go(address_of(dashboard, "city"))
    server.stop()
    visitor.page.get_by_text("No data now: database").wait_for()
    with visit(visitor.page.context.browser) as newcomer:  # type: ignore[arg-type]
        newcomer.page.goto(address_of(dashboard, "fleet"))
        newcomer.page.get_by_text("No data now: database").wait_for()
        server.start()
        newcomer.page.get_by_text("last reading").or_(
            newcomer.page.get_by_text("Spooled readings")
        ).first.wait_for()
    visitor.page.get_by_text("Heard now").wait_for()
    visitor.page.get_by_text("No data now").wait_for(state="detached")

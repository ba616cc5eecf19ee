"""The API over a real database: in this process, and as its own process over a real socket."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import keys
from api.adapters.records import DatabaseRecords
from api.keys import Scope
from api.ports import Records
from cityhum.api import add
from deploy.local.postgres import Postgres
from records import live
from records.adapters.postgres import PostgresReader
from schemas.codec import encode
from schemas.errors import BadQuestion
from schemas.results import Alert
from tests.api_contract import ApiContract
from tests.database import Database
from tests.recorded import HOUR, LOUD, address, fill
from tests.streams import alert as a_siren

SECRET = "cityhum_test"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {SECRET}"}
_TELL = "INSERT INTO outbox (kind, key, payload) VALUES ('alert', %s, %s)"


class TestApiOverPostgres(ApiContract):
    @pytest.fixture(scope="class")
    @classmethod
    def records(cls, postgres: Postgres) -> Iterator[Records]:
        database = Database(postgres)
        database.prepare()
        fill(database)
        with PostgresReader(address(database)) as reader:
            yield DatabaseRecords(reader)


# --- the place in the outbox ----------------------------------------------------------------------


def alert(number: int = 0, **overrides: object) -> Alert:
    """An alert as it is told: where its device stands."""
    return a_siren(number, latitude=54.32425, longitude=10.13670, **overrides)


def tell(database: Database, *alerts: Alert) -> None:
    for one in alerts:
        database.query(_TELL, str(one.alert_id), encode(one).decode())


def told(reader: PostgresReader, cursor: str) -> tuple[list[Alert], str]:
    found: list[Alert] = []
    while True:
        changes = live.since(reader, cursor)
        found += [one.alert for one in changes.told]
        cursor = changes.cursor
        if not changes.more:
            return found, cursor


@pytest.mark.usefixtures("migrated")
@given(actions=st.lists(st.sampled_from(["tell", "end", "ask"]), max_size=20))
def test_whatever_commits_when_everything_is_told_once(
    postgres: Postgres, actions: list[str]
) -> None:
    """Transactions overlap at random: an id that was given out early may commit last."""
    owner = postgres.conninfo("cityhum_owner")
    number, written, heard = 0, [], []
    with PostgresReader(address(Database(postgres))) as reader:
        cursor = live.now(reader)
        waiting: list[psycopg.Connection[object]] = []
        for action in [*actions, *len(actions) * ["end"], "ask"]:
            if action == "tell":
                one = alert(number := number + 1)
                waiting.append(psycopg.connect(owner))
                waiting[-1].execute(_TELL.encode(), (str(one.alert_id), encode(one).decode()))
                written.append(one)
            elif action == "end" and waiting:
                with waiting.pop() as connection:  # the last that began ends first
                    connection.commit()
            elif action == "ask":
                news, cursor = told(reader, cursor)
                heard += news
    assert sorted(heard, key=lambda one: one.onset_at) == written


@pytest.fixture(scope="module")
def migrated(postgres: Postgres) -> None:
    Database(postgres).prepare()


def test_a_listener_goes_on_behind_any_event_it_has_seen(database: Database) -> None:
    with PostgresReader(address(database)) as reader:
        start = live.now(reader)
        tell(database, *(alert(n) for n in range(5)))
        events = live.since(reader, start).told
        for seen, event in enumerate(events):
            rest, _ = told(reader, event.cursor)
            assert rest == [alert(n) for n in range(seen + 1, 5)]


def test_more_than_fits_is_told_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 2)
    with PostgresReader(address(database)) as reader:
        start = live.now(reader)
        tell(database, *(alert(n) for n in range(5)))
        assert [one.alert for one in live.since(reader, start).told] == [alert(0), alert(1)]
        assert told(reader, start)[0] == [alert(n) for n in range(5)]


def test_a_place_of_another_database_begins_anew_and_says_so(database: Database) -> None:
    tell(database, alert())
    with PostgresReader(address(database)) as reader:
        changes = live.since(reader, "1777880000;999999999:999999999:;;0")
        assert changes.lost_since is not None
        assert [one.alert for one in changes.told] == [alert()]
        assert live.since(reader, changes.cursor).lost_since is None


@pytest.mark.parametrize("cursor", ["", "17", "1;2;3;4", "1;9:3:;;0", "1;3:3:9,8;;0", "1;0:0:;;0"])
def test_a_place_that_is_none_is_a_bad_question(database: Database, cursor: str) -> None:
    with PostgresReader(address(database)) as reader, pytest.raises(BadQuestion):
        live.since(reader, cursor)


# --- the process ----------------------------------------------------------------------------------


class Api:
    """`cityhum api` as a process."""

    def __init__(self, database: Database, folder: Path, port: int = 0) -> None:
        where = address(database)
        environment = {
            "CITYHUM_API_PORT": str(port),
            "CITYHUM_API_KEYS_FILE": str(folder / "keys.yaml"),
            "CITYHUM_API_POSTGRES_HOST": where.host,
            "CITYHUM_API_POSTGRES_PORT": str(where.port),
            "CITYHUM_API_POSTGRES_PASSWORD_FILE": str(where.password_file),
            "CITYHUM_API_CLASSIFY": "true",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cityhum", "api"],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "api_serving" in line:
                self.url = json.loads(line)["address"]
                break
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    add(tmp_path / "keys.yaml", keys.made("test", [*Scope], SECRET, 6000))
    return tmp_path


@pytest.fixture
def api(database: Database, keys_folder: Path) -> Iterator[Api]:
    started = Api(database, keys_folder)
    try:
        yield started
    finally:
        started.stop()


class Listener:
    """Somebody who follows live alerts, and remembers the last id."""

    def __init__(self, url: str, last: str = "") -> None:
        self.url, self.last = url, last

    async def hear(self, count: int) -> list[tuple[str, int]]:
        """Connect, take so many alerts, hang up."""
        found: list[tuple[str, int]] = []
        async for fields in self._events():
            self.last = fields.get("id", self.last)
            if "data" in fields:
                said = json.loads(fields["data"])
                found.append((said["alert_id"], said["revision"]))
            if len(found) >= count:
                break
        return found

    async def _events(self) -> AsyncIterator[dict[str, str]]:
        headers = {**HEADERS, **({"Last-Event-ID": self.last} if self.last else {})}
        fields: dict[str, str] = {}
        async with (
            httpx.AsyncClient(timeout=20) as client,
            client.stream("GET", f"{self.url}/v1/alerts/live", headers=headers) as response,
        ):
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if not line and fields:
                    yield fields
                    fields = {}
                elif line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value


async def test_a_listener_misses_nothing_through_its_own_end_and_the_servers(
    api: Api, database: Database, keys_folder: Path
) -> None:
    listener = Listener(api.url)
    await listener.hear(0)  # the first event says only where it is
    tell(database, alert(1))
    assert await listener.hear(1) == [(str(alert(1).alert_id), 0)]

    hearing = asyncio.create_task(listener.hear(2))
    tell(database, alert(1, revision=1), alert(2))
    assert await hearing == [(str(alert(1).alert_id), 1), (str(alert(2).alert_id), 0)]

    tell(database, alert(3))  # while it was away
    api.stop()
    tell(database, alert(4))  # while the server was
    again = Api(database, keys_folder, api.port)
    try:
        assert await listener.hear(2) == [(str(alert(n).alert_id), 0) for n in (3, 4)]
    finally:
        again.stop()


async def test_a_server_that_is_stopped_does_not_wait_for_its_listeners(api: Api) -> None:
    listener = Listener(api.url)
    await listener.hear(0)
    listening = asyncio.create_task(listener.hear(1))
    await listener.hear(0)  # the other is served at the same time
    await asyncio.to_thread(api.stop)
    listening.cancel()
    await asyncio.wait([listening])
    assert api.process.returncode == 0


def test_a_database_that_goes_is_told_and_one_that_comes_back_is_found(
    api: Api, database: Database
) -> None:
    fill(database)
    asked = {"device": LOUD, "from": HOUR.begin.isoformat(), "to": HOUR.end.isoformat()}

    def ask(path: str = "/v1/levels") -> httpx.Response:
        return httpx.get(f"{api.url}{path}", params=asked, headers=HEADERS, timeout=20)

    assert ask().status_code == 200
    database.postgres.stop()
    try:
        refused = ask()
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert refused.json()["detail"].startswith("database: ")
        assert ask("/health/ready").status_code == 503
        assert ask("/health/live").status_code == 200
    finally:
        database.postgres.start()
    assert ask().status_code == 200


@pytest.mark.parametrize("secret", [SECRET, "cityhum_wrong"])
@pytest.mark.parametrize("length", ["Content-Length: 2147483648", "Transfer-Encoding: chunked"])
def test_an_upload_of_2_gb_costs_nothing(api: Api, length: str, secret: str) -> None:
    before_mb = api.memory_mb()
    sent = 0
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        head = f"POST /v1/classify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
        connection.sendall(f"{head}Content-Type: audio/wav\r\n{length}\r\n\r\n".encode())
        piece = bytes(1 << 20)
        chunk = b"100000\r\n" + piece + b"\r\n" if "chunked" in length else piece
        try:
            while sent < 2 << 30:
                connection.sendall(chunk)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 40 << 20  # what was in the sockets' buffers, too
    assert api.memory_mb() - before_mb < 60
    assert httpx.get(f"{api.url}/health/live").status_code == 200

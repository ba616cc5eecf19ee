"""The spool on a real file."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.adapters.spool import BYTES_PER_READING, SqliteSpool
from schemas.errors import BadConfig, Unavailable
from tests.builders import reading, readings, seqs
from tests.contracts import OpenSpool, SpoolContract


class TestSqliteSpool(SpoolContract):
    @pytest.fixture
    def open_spool(self, tmp_path: Path) -> Iterator[OpenSpool]:
        with ExitStack() as opened:
            yield lambda max_bytes: opened.enter_context(
                SqliteSpool(tmp_path / "spool.sqlite", max_bytes)
            )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent" / "spool.sqlite"


def test_everything_is_there_after_a_restart(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(100))
        spool.acknowledge([seqs(0, 50)])
        newest = spool.newest()
    with SqliteSpool(path, 2**30) as spool:
        assert [each.reading for each in spool.waiting(0, 100)] == readings(50, 50)
        assert spool.depth() == 50
        assert spool.before(reading(50)) == readings(3, 47)
        assert spool.newest() == newest


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    with SqliteSpool(path, 2**30):
        pass
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(BadConfig, match="no spool of version 1"), SqliteSpool(path, 2**30):
        pass


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_text("a diary, and no small one\n" * 100)
    with pytest.raises(BadConfig, match="is no spool"), SqliteSpool(path, 2**30):
        pass


def test_two_agents_do_not_share_a_spool(path: Path) -> None:
    with (
        SqliteSpool(path, 2**30),
        pytest.raises(BadConfig, match="another agent"),
        SqliteSpool(path, 2**30),
    ):
        pass


def test_acknowledged_readings_leave_the_file(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        for each in readings(500):
            spool.append([each])
            spool.acknowledge([seqs(each.seq)])
        spool.checkpoint()
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM reading").fetchone()[0] <= 3
    other.close()


def test_the_bound_in_readings_is_a_bound_in_bytes(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(5_000))
        spool.checkpoint()
        assert path.stat().st_size < 5_000 * BYTES_PER_READING


def test_a_write_that_fails_stores_nothing_and_says_so(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3))
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE tally")  # every transaction needs it
        other.close()
        with pytest.raises(Unavailable, match=r"spool\.sqlite"):
            spool.append([reading(3)])
        assert spool.depth() == 3
        assert [each.reading for each in spool.waiting(0, 10)] == readings(3)

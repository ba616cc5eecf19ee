"""The spool on a real file."""

import asyncio
import errno
import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from agents.adapters import watchdog
from agents.adapters.running import background
from agents.adapters.spool import BYTES_PER_READING, MAX_HELD, SqliteSpool
from agents.adapters.spool_table import SLOTS
from schemas.errors import BadConfig, Unavailable
from tests.builders import OTHER_SESSION, reading, readings, seqs
from tests.contracts import OpenSpool, SpoolContract
from tests.fakes import FakeClock

FIRST_VERSION = """
CREATE TABLE reading (
    position INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, seq INTEGER, started_us INTEGER,
    clock TEXT, calibration TEXT, levels TEXT, codes BLOB, safe INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE dropped (
    number INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, first_seq INTEGER, count INTEGER
);
INSERT INTO dropped VALUES (1, '01KQRKWN000000000000000000', 5, 3);
PRAGMA application_id = 1128813392;
PRAGMA user_version = 1;
"""


class Notified:
    """A service manager that counts how often the watchdog was fed."""

    def __init__(self) -> None:
        self.fed = 0
        self.starved = asyncio.Event()

    def notify(self, state: str) -> None:
        self.fed += state.startswith("WATCHDOG=1")
        if state == "STATUS=no reading kept, none arrived for 120 s":
            self.starved.set()


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


def test_a_file_of_a_newer_version_is_refused_and_kept(path: Path) -> None:
    with SqliteSpool(path, 2**30):
        pass
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    before = path.read_bytes()
    with pytest.raises(BadConfig, match="version 99"), SqliteSpool(path, 2**30):
        pass
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE diary (entry TEXT)")
    other.close()
    with pytest.raises(BadConfig, match="another program"), SqliteSpool(path, 2**30):
        pass


def test_a_file_that_is_no_database_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_text("a diary, and no small one\n" * 100)
    with SqliteSpool(path, 2**30) as spool:
        assert spool.depth() == 0
        spool.append(readings(2))
    (record,) = caplog.records
    assert record.message == "spool_damaged"
    (aside,) = tmp_path.glob("spool.sqlite.damaged-*")
    assert record.set_aside == str(aside)  # type: ignore[attr-defined]
    assert aside.read_text().startswith("a diary")
    with SqliteSpool(path, 2**30) as spool:
        assert spool.depth() == 2


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_file_cut_in_the_middle_gives_what_is_left(
    path: Path, kept: float, caplog: pytest.LogCaptureFixture
) -> None:
    with SqliteSpool(path, 2**30) as spool:
        for first in range(0, 2_000, 100):
            spool.append(readings(100, first))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with SqliteSpool(path, 2**30) as spool:
        found = [each.reading for each in spool.waiting(0, 3_000)]
        assert found == [reading(each.seq) for each in found]
        assert 2_000 * (kept - 0.15) < len(found) < 2_000
        spool.append(readings(1, 2_000))
    assert caplog.records[0].message == "spool_damaged"
    assert len(list(path.parent.glob("*.damaged-1"))) == 1
    with SqliteSpool(path, 2**30) as spool:
        assert spool.depth() == len(found) + 1


def test_a_file_overwritten_in_the_middle_gives_what_is_left(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(2_000))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"?" * 8192)
    with SqliteSpool(path, 2**30) as spool:
        assert 1_700 < len(spool.waiting(0, 3_000)) == spool.depth() < 2_000
    assert len(list(path.parent.glob("*.damaged-1"))) == 1


def test_a_flipped_bit_costs_its_own_reading_which_is_told(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(200))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE reading SET levels = zeroblob(length(levels)) WHERE position = 11")
    other.close()
    with SqliteSpool(path, 2**30) as spool:
        found = [each.reading for each in spool.waiting(0, 300)]
        assert found == [each for each in readings(200) if each.seq != 10]
        assert spool.dropped() == (seqs(10),)
        assert spool.depth() == 199
    assert caplog.records[0].message == "spool_rows_damaged"


def flip_bits(path: Path, *positions: int) -> None:
    """Damage rows among the newest."""
    with sqlite3.connect(path) as other:
        other.executemany(
            "UPDATE fresh SET levels = zeroblob(length(levels)) WHERE position = ?",
            [(position,) for position in positions],
        )
    other.close()


def test_a_damaged_newest_reading_still_has_its_position(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append([*readings(3), reading(0, session=OTHER_SESSION)])
        heard_until = reading(3).started_at
        flip_bits(path, 4)
        assert len(spool.waiting(0, 10)) == 3
        assert spool.heard_until() == heard_until
    with SqliteSpool(path, 2**30) as spool:
        assert spool.heard_until() == heard_until
        spool.append(readings(2, 3))
        assert [each.reading for each in spool.waiting(0, 10)] == readings(5)
        assert spool.dropped() == (seqs(0, session=OTHER_SESSION),)


def test_a_spool_of_which_every_reading_is_damaged_begins_anew(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append([reading(0)])
        flip_bits(path, 1)
        assert spool.waiting(0, 10) == []
        assert spool.heard_until() is None
    with SqliteSpool(path, 2**30) as spool:
        assert spool.heard_until() is None
        spool.append([reading(0, session=OTHER_SESSION)])
        assert spool.depth() == 1


def test_a_gap_among_the_newest_lets_nothing_be_written_over_that_waits(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(SLOTS))
        flip_bits(path, 30)
        assert len(spool.waiting(0, 100)) == SLOTS - 1
    left = [each for each in range(SLOTS + 1) if each != 29]
    with SqliteSpool(path, 2**30) as spool:
        spool.append([reading(SLOTS)])
        assert [each.reading.seq for each in spool.waiting(0, 100)] == left


def test_a_kill_while_taking_over_loses_nothing(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3))
    path.rename(f"{path}.new")
    with SqliteSpool(path, 2**30) as spool:
        assert spool.depth() == 3


def test_a_spool_of_the_first_version_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as old:
        old.executescript(FIRST_VERSION)
        old.executemany(
            "INSERT INTO reading (session, seq, started_us, clock, calibration, levels, codes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(each.session, each.seq, int(each.started_at.timestamp()) * 1_000_000),
                    *(each.clock, each.calibration),
                    *(each.levels.model_dump_json(), each.codes),
                )
                for each in readings(100)
            ],
        )
    old.close()
    with SqliteSpool(path, 2**30) as spool:
        assert [each.reading for each in spool.waiting(0, 200)] == readings(100)
        assert spool.dropped() == (seqs(5, 3),)


def test_two_agents_do_not_share_a_spool(path: Path) -> None:
    with (
        SqliteSpool(path, 2**30),
        pytest.raises(BadConfig, match="another agent"),
        SqliteSpool(path, 2**30),
    ):
        pass


def test_a_state_folder_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadConfig, match=r"spool.sqlite cannot be opened"):
            SqliteSpool(folder / "spool.sqlite", 2**30).__enter__()


@pytest.mark.parametrize("name", ["spool.sqlite", "spool.lock"])
def test_a_folder_in_the_place_of_a_file_is_one_line(path: Path, name: str) -> None:
    (path.parent / name).mkdir(parents=True)
    with pytest.raises((BadConfig, Unavailable), match=r"spool.sqlite cannot be opened"):
        SqliteSpool(path, 2**30).__enter__()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_the_start_lets_go_of_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(Unavailable, match=os.strerror(number)) as told:
            SqliteSpool(path, 2**30).__enter__()
    assert len(str(told.value).splitlines()) == 1
    gc.collect()  # a file that was left open would be a warning
    with SqliteSpool(path, 2**30) as spool:
        assert spool.depth() == 0


def test_acknowledged_readings_leave_the_file(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        for each in readings(500):
            spool.append([each])
            spool.acknowledge([seqs(each.seq)])
        spool.checkpoint()
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM present").fetchone()[0] <= SLOTS
    other.close()


def test_a_backlog_that_is_delivered_leaves_nothing_behind(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool, sqlite3.connect(path) as other:
        for n in range(5):
            session = f"01KQRKWN000000000000000{n:03d}"
            spool.append(readings(SLOTS + 2, session=session))
            spool.acknowledge([seqs(0, SLOTS + 2, session=session)])
        for n in range(5, 200):
            session = f"01KQRKWN000000000000000{n:03d}"
            spool.append([reading(0, session=session)])
            spool.acknowledge([seqs(0, session=session)])
        assert other.execute("SELECT count(*) FROM reading").fetchone() == (0,)
        (left,) = other.execute("SELECT count(*) FROM span").fetchone()
        assert SLOTS <= left < 100
    other.close()


def test_the_bound_is_a_bound_in_bytes(path: Path) -> None:
    most = 4_000 * BYTES_PER_READING
    with SqliteSpool(path, most) as spool:
        for first in range(0, 20_000, 500):
            spool.append(readings(500, first))
            spool.checkpoint()
            assert path.stat().st_size < most + 600 * BYTES_PER_READING
        spool.checkpoint()
        assert len(spool.waiting(0, 20_000)) > 10_000  # as levels


def test_a_full_disk_stores_nothing_and_keeps_it_for_the_next_time(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3))
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE fresh RENAME TO away")
        with pytest.raises(Unavailable, match=r"spool\.sqlite"):
            spool.append(readings(MAX_HELD + 5, 3))
        assert spool.depth() == MAX_HELD + 3
        assert spool.dropped() == (seqs(3, 5),)
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE away RENAME TO fresh")
        other.close()
        spool.append([reading(MAX_HELD + 8)])
        stored = [each.reading for each in spool.waiting(0, 10_000)]
        assert stored == [*readings(3), *readings(MAX_HELD + 1, 8)]
        assert spool.dropped() == (seqs(3, 5),)


async def test_a_full_disk_starves_the_watchdog_only_once_memory_is_full_too(path: Path) -> None:
    notified, heard = Notified(), 0
    with SqliteSpool(path, 2**30) as spool:
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE fresh RENAME TO away")

        def kept() -> int:
            nonlocal heard
            if heard < MAX_HELD + 300:
                with suppress(Unavailable):
                    spool.append(readings(30, heard))
                heard += 30
            return spool.kept()

        async with background(watchdog.feed(kept, FakeClock(), notified, every_s=30.0)):
            await notified.starved.wait()
        assert notified.fed == MAX_HELD // 30 - 1  # the first look is no meal
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE away RENAME TO fresh")
        other.close()
        spool.append([reading(heard)])
        stored = [each.reading for each in spool.waiting(0, 10_000)]
        assert stored == readings(MAX_HELD + 1, heard - MAX_HELD)


def test_a_disk_that_is_full_at_the_start_only_puts_the_tidying_off(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(200))
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER full BEFORE UPDATE ON reading BEGIN SELECT no_room(); END")
    with SqliteSpool(path, 2**30) as spool:
        other.execute("DROP TRIGGER full")
        assert [each.reading for each in spool.waiting(0, 300)] == readings(200)
    assert other.execute("SELECT count(*) FROM present WHERE state = 1").fetchone() == (128,)
    other.close()


def test_opening_reads_a_long_backlog_once(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        for first in range(0, 10_000, 500):
            spool.append(readings(500, first))
        spool.acknowledge([seqs(0, 100), seqs(200, 100)])
    before = read_bytes()
    with SqliteSpool(path, 2**30) as spool:
        assert read_bytes() - before < 1.2 * path.stat().st_size
        assert spool.depth() == 9_800


def read_bytes() -> int:
    """How much this process has read, page cache included."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_after_a_crash_the_whole_file_is_checked(path: Path, tmp_path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(2_000))
        crashed = Path(shutil.copytree(path.parent, tmp_path / "crashed")) / path.name
    before = read_bytes()
    with SqliteSpool(crashed, 2**30):
        assert read_bytes() - before > 2 * path.stat().st_size


def test_a_long_backlog_makes_no_call_slower(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        for first in range(0, 20_000, 500):
            spool.append(readings(500, first))
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        spool._db.set_progress_handler(count, 100)  # calls of SQLite's machine, by the hundred
        spool.append([reading(20_000)])
        spool.sent(seqs(20_000))
        spool.waiting(0, 240)
        spool.before(reading(10_000))
        spool.acknowledge([seqs(0, 60)])
        assert steps < 2_000


def test_sessions_that_are_over_leave_the_file_and_memory_while_the_agent_runs(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool, sqlite3.connect(path) as other:
        for n in range(5_000):
            session = f"01KQRKWN00000000000000{n:04d}"
            spool.append([reading(0, session=session)])
            spool.acknowledge([seqs(0, session=session)])
        (left,) = other.execute("SELECT count(*) FROM span").fetchone()
        assert SLOTS <= left < 100
        assert len(spool._table._spans) == left
        waiting = [f"01KQRKWN0000000000000{n:05d}" for n in range(5_000, 5_300)]
        for session in waiting:
            spool.append([reading(0, session=session)])
        assert [each.reading.session for each in spool.waiting(0, 1_000)] == waiting
    other.close()
    with SqliteSpool(path, 2**30) as spool:
        assert [each.reading.session for each in spool.waiting(0, 1_000)] == waiting

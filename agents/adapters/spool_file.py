"""The spool's file: its tables, and how it is opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from agents.adapters.spool_rows import Damaged
from schemas.errors import BadConfig, Unavailable

VERSION: Final = 2
PAGE_BYTES: Final = 1024
"""A second of sound fills a third of a page; larger ones would be written again more often."""
SIDECARS: Final = ("", "-wal", "-shm")

_APPLICATION_ID: Final = 0x43485350  # "CHSP"
_WAL_BYTES: Final = 1024 * 1024
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE span (
    base INTEGER PRIMARY KEY,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, clock TEXT NOT NULL, calibration TEXT
);
CREATE TABLE reading (
    position INTEGER PRIMARY KEY,
    started_us INTEGER NOT NULL,
    levels BLOB NOT NULL,
    codes BLOB NOT NULL,
    check_sum INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE fresh (
    slot INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    levels BLOB NOT NULL,
    codes BLOB NOT NULL,
    check_sum INTEGER NOT NULL,
    state INTEGER NOT NULL
);
CREATE VIEW present AS
    SELECT position, started_us, levels, codes, check_sum, state FROM reading
    UNION ALL
    SELECT position, started_us, levels, codes, check_sum, state FROM fresh WHERE state < 3;
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    digest TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE dropped (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tally (quarantined INTEGER NOT NULL);
INSERT INTO tally VALUES (0);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""  # noqa: S608


class Outdated(Exception):  # a state of the file; never leaves the spool
    """A spool of an older version, whose readings are to be taken over."""


def opened(path: Path) -> sqlite3.Connection:
    """Connect to a spool; an empty or missing file becomes one.

    Raises
    ------
    BadConfig
        It is something else, or a spool of a newer version.
    Damaged, Outdated
        It was a spool; it is one of an older version.
    Unavailable
        The disk is full or failing.
    """
    db = sqlite3.connect(path, isolation_level=None)
    with closed_on_failure(db, path):
        _refuse_foreign(db, path)
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        if not number(db, "PRAGMA user_version"):
            db.executescript(_SCHEMA)
    return db


@contextmanager
def told_in_a_line(path: Path) -> Iterator[None]:
    """Take first steps with a spool: BadConfig for a wrong place, Unavailable for a bad disk."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise BadConfig(f"{path} cannot be opened: {error.strerror}") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be opened: {error.strerror}") from None
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path} cannot be opened: {error}") from None


@contextmanager
def closed_on_failure(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Take first steps with a spool: Damaged or Unavailable if it cannot be read or written."""
    try:
        yield
    except sqlite3.OperationalError as error:
        db.close()
        raise Unavailable(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        db.close()
        raise Damaged(str(error)) from None
    except BaseException:
        db.close()
        raise


def checked(path: Path) -> sqlite3.Connection:
    """Likewise, but read all of it before: minutes for a month of readings on a memory card."""
    db = opened(path)
    with closed_on_failure(db, path):
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(str(found))
    return db


def number(db: sqlite3.Connection, query: str) -> int:
    """Answer of a query for one number."""
    return int(db.execute(query).fetchone()[0])


def checkpoint(path: Path) -> None:
    """Move the write-ahead log into the file and sync it.

    Raises
    ------
    Unavailable
        The disk is full or failing.
    """
    try:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path}: {error}") from None


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    version = number(db, "PRAGMA user_version")
    application = number(db, "PRAGMA application_id")
    tables = number(db, "SELECT count(*) FROM sqlite_master")
    if (application, version) == (0, 0) and not tables:
        return
    if application != _APPLICATION_ID:
        raise BadConfig(f"{path} is the database of another program: move it away")
    if version > VERSION:
        raise BadConfig(
            f"{path} is a spool of version {version}, this agent knows {VERSION}: install the newer"
            " agent, or move the file away to begin another (its readings wait in it)"
        )
    if version < VERSION:
        raise Outdated(str(version))

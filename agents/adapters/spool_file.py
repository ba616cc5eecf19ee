"""The spool's file: its tables, and how it is opened."""

import sqlite3
from pathlib import Path
from typing import Final

from schemas.errors import BadConfig

VERSION: Final = 1

_APPLICATION_ID: Final = 0x43485350  # "CHSP"
_SCHEMA: Final = """
BEGIN;
CREATE TABLE reading (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    clock TEXT NOT NULL,
    calibration TEXT,
    levels TEXT NOT NULL,
    codes BLOB NOT NULL,
    safe INTEGER NOT NULL DEFAULT 0,
    UNIQUE (session, seq)
);
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    digest TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE dropped (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL
);
CREATE TABLE tally (quarantined INTEGER NOT NULL, heard_until_us INTEGER);
INSERT INTO tally VALUES (0, NULL);
PRAGMA application_id = 1128813392;
PRAGMA user_version = 1;
COMMIT;
"""


def opened(path: Path) -> sqlite3.Connection:
    """Connect to a spool; an empty or missing file becomes one.

    Raises
    ------
    BadConfig
        It is something else, or a spool of another version.
    """
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        is_ours = _is_current(db)
    except sqlite3.DatabaseError as error:
        db.close()
        raise BadConfig(f"{path} is no spool: {error}") from None
    if not is_ours:
        db.close()
        raise BadConfig(f"{path} is no spool of version {VERSION}: move it away")
    return db


def number(db: sqlite3.Connection, query: str) -> int:
    """Answer of a query for one number."""
    return int(db.execute(query).fetchone()[0])


def _is_current(db: sqlite3.Connection) -> bool:
    """Whether it is a spool that we can use; makes one of an empty file."""
    version = number(db, "PRAGMA user_version")
    application = number(db, "PRAGMA application_id")
    if (application, version) == (0, 0) and not number(db, "SELECT count(*) FROM sqlite_master"):
        db.executescript(_SCHEMA)
        return True
    return (application, version) == (_APPLICATION_ID, VERSION)

"""The database as files and back, by pg_dump and pg_restore: one picture, offsets included.

A fold's rows, state and next offset are in the same database, so a backup is a consistent past, and
after a restore every processor reads Kafka on from there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, LiteralString

import psycopg

from processors.adapters.clock import utc_now
from processors.adapters.postgres import conninfo, encryption, password, unavailable
from processors.backups import Backup, Reached, is_abandoned, name_of
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable

DUMP: Final = "database.dump"
SAID: Final = "backup.json"
_UNFINISHED: Final = ".unfinished"

_REACHED: Final[LiteralString] = """
SELECT program, topic, partition, next_offset FROM checkpoint ORDER BY program, topic, partition"""
_COUNTED: Final[LiteralString] = "SELECT count(*), max(started_at) FROM reading"
_REVISION: Final[LiteralString] = "SELECT version_num FROM alembic_version"
_EMPTY: Final[LiteralString] = """
SELECT count(*) = 0 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'"""
_NOTABLE: Final[LiteralString] = "SELECT to_regclass('public.backup') IS NOT NULL"
_NOTED: Final[LiteralString] = "INSERT INTO backup (made_at, bytes) VALUES (%s, %s)"
_FIT_IN = b"""
-- transaction ids begin anew on another server: what was told is of the past, not of the future
UPDATE public.outbox SET txid = pg_current_xact_id();
-- replays whose shadows were left out
DELETE FROM public.replay WHERE to_regnamespace(format('%I', 'replay_' || name)) IS NULL;
ANALYZE;
COMMIT;
"""


def make(settings: ProcessorSettings, folder: Path) -> tuple[Path, Backup]:
    """Save the database into a new folder below `folder`; the user must own it.

    Raises
    ------
    Unavailable
        If the database does not answer, or the disk is full.
    """
    made_at = utc_now()
    finished = folder / name_of(made_at)
    unfinished = finished.with_name(finished.name + _UNFINISHED)
    _make_folder(unfinished)
    try:
        said = _saved(settings, unfinished / DUMP, made_at)
        (unfinished / SAID).write_text(said.model_dump_json(indent=1) + "\n", encoding="utf-8")
        _to_disk(unfinished)
        unfinished.rename(finished)
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return finished, said


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from None


def _saved(settings: ProcessorSettings, dump: Path, made_at: datetime) -> Backup:
    """Dump what one moment shows, and ask the same moment what it is."""
    with _picture(settings) as (connection, snapshot):
        revision = _one(connection, _REVISION)[0]
        _run("pg_dump", settings, *_dumping(snapshot, dump))
        readings, newest = _one(connection, _COUNTED)
        return Backup(
            made_at=made_at,
            revision=revision,
            sha256=sha256_of(dump),
            bytes=dump.stat().st_size,
            readings=readings,
            newest_reading_at=newest,
            reached=_reached(connection),
        )


def note(settings: ProcessorSettings, said: Backup) -> None:
    """Let the database know, so that somebody hears of it when none is made any more.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        if _one(connection, _NOTABLE)[0]:  # not so before an upgrade's migration
            connection.execute(_NOTED, (said.made_at, said.bytes))


def kept(folder: Path) -> tuple[Mapping[Path, Backup], Sequence[Path]]:
    """Finished backups in a folder, oldest first; and those that this version cannot read."""
    found, unreadable = dict[Path, Backup](), list[Path]()
    for place in sorted(said.parent for said in folder.glob(f"*/{SAID}")):
        if place.suffix == _UNFINISHED:
            continue
        try:
            found[place] = of(place)
        except BadConfig:
            unreadable.append(place)
    return found, unreadable


def abandoned(folder: Path, now: datetime) -> Sequence[Path]:
    """What backups that were cut short have left, a day ago or earlier: none takes so long."""
    return [one for one in folder.glob(f"*{_UNFINISHED}") if is_abandoned(one.stem, now)]


def of(place: Path) -> Backup:
    """What a backup says of itself.

    Raises
    ------
    BadConfig
        If there is none.
    """
    try:
        return Backup.model_validate_json((place / SAID).read_bytes())
    except (OSError, ValueError):
        raise BadConfig(f"{place} is no backup: cityhum backup list") from None


def remove(place: Path) -> None:
    """Delete a backup.

    Raises
    ------
    Unavailable
        If it cannot be deleted.
    """
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise Unavailable(f"{place}: {error.strerror}") from None


def restore(settings: ProcessorSettings, place: Path) -> Backup:
    """Fill an empty database from a backup, in one transaction: all of it or nothing.

    Processors may run meanwhile: they wait for the tables.

    Raises
    ------
    BadConfig
        If the backup is damaged, or the database is not empty.
    Unavailable
        If the database does not answer, or refuses.
    """
    said = of(place)
    if sha256_of(place / DUMP) != said.sha256:
        raise BadConfig(f"{place / DUMP} is damaged: its SHA-256 is not that of {SAID}")
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        if not _one(connection, _EMPTY)[0]:
            raise BadConfig(f"database {settings.postgres_db} is not empty: restore into a new one")
    _fill(settings, place / DUMP)
    return said


def sha256_of(path: Path) -> str:
    """Digest of a dump, in hex.

    Raises
    ------
    BadConfig
        If it cannot be read.
    """
    try:
        with path.open("rb") as dump:
            return file_digest(dump, "sha256").hexdigest()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None


def _fill(settings: ProcessorSettings, dump: Path) -> None:
    # the schema itself is there already
    reading = [_program("pg_restore"), "--no-owner", "--schema=public", "--file=-", str(dump)]
    writing = [_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--file=-"]
    with TemporaryFile() as why:
        with (
            subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=why) as reader,
            subprocess.Popen(
                writing,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=why,
                env=_environment(settings),
            ) as writer,
        ):
            _pour(reader, writer)
        if reader.returncode or writer.returncode:
            why.seek(0)
            said = _first_line(why.read().decode(errors="replace"))
            raise Unavailable(f"restore: {said}; nothing was changed")


def _pour(reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes]) -> None:
    """Hand the script on. Only its last line makes it true: whoever dies before has done nothing.

    Hence not psql's own --single-transaction, which takes a pipe that breaks for the end.
    """
    assert reader.stdout is not None  # noqa: S101  # both are pipes
    assert writer.stdin is not None  # noqa: S101
    try:
        writer.stdin.write(b"BEGIN;\n")
        shutil.copyfileobj(reader.stdout, writer.stdin)
        if reader.wait() == 0:
            writer.stdin.write(_FIT_IN)
        writer.stdin.close()
    except BrokenPipeError:  # psql has said why
        reader.kill()
        with suppress(BrokenPipeError):  # what it did not take is still in our buffer
            writer.stdin.close()


@contextmanager
def _picture(settings: ProcessorSettings) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A transaction and the name under which pg_dump sees the same."""
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection, _one(connection, "SELECT pg_export_snapshot()")[0]


def _dumping(snapshot: str, dump: Path) -> Sequence[str]:
    # shadows of replays are no record, and not ours
    return ("--format=custom", "--schema=public", f"--snapshot={snapshot}", f"--file={dump}")


def _reached(connection: psycopg.Connection[Any]) -> tuple[Reached, ...]:
    names = tuple(Reached.model_fields)
    rows = connection.execute(_REACHED).fetchall()
    return tuple(Reached.model_validate(dict(zip(names, row, strict=True))) for row in rows)


def _one(connection: psycopg.Connection[Any], query: LiteralString) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101  # each of these queries gives one
    return row


def _run(name: str, settings: ProcessorSettings, *arguments: str) -> None:
    command = [_program(name), *arguments]
    done = subprocess.run(
        command, env=_environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"{name}: {_first_line(done.stderr)}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BadConfig(f"{name} is missing: install PostgreSQL's client programs")
    return found


def _environment(settings: ProcessorSettings) -> Mapping[str, str]:
    """Libpq's variables: a password on the command line would be seen by everybody."""
    given = {
        "PGHOST": settings.postgres_host,
        "PGPORT": str(settings.postgres_port),
        "PGDATABASE": settings.postgres_db,
        "PGUSER": settings.postgres_user,
        **{f"PG{name.upper()}": value for name, value in encryption(settings).items()},
    }
    if secret := password(settings):
        given["PGPASSWORD"] = secret
    return {**os.environ, **given}


def _to_disk(folder: Path) -> None:
    """Have everything on disk before the name says that it is finished."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[0]

"""`make reference`: write docs/reference anew from the code."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from deploy.local.postgres import Postgres
from deploy.reference.commands import commands, exit_codes
from deploy.reference.message_pages import messages
from deploy.reference.tables import database
from deploy.reference.variables import settings
from processors.adapters import migrations
from processors.settings import ProcessorSettings

FOLDER = Path("docs/reference")
PAGES = {
    "cli.md": commands,
    "exit-codes.md": exit_codes,
    "settings.md": settings,
    "messages.md": messages,
}
"""Those that need no database."""


@contextmanager
def migrated() -> Iterator[Connection[Any]]:
    """A private PostgreSQL with our tables, for as long as it is asked."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(Path(folder))
        postgres.start()
        try:
            migrations.upgrade(
                ProcessorSettings(
                    postgres_host=postgres.host,
                    postgres_port=postgres.port,
                    postgres_db=postgres.database,
                    postgres_user="cityhum_owner",
                    postgres_password_file=postgres.password_file("cityhum_owner"),
                )
            )
            with psycopg.connect(postgres.conninfo("cityhum_owner")) as connection:
                yield connection
        finally:
            postgres.stop()
            postgres.remove()


def main() -> None:
    """Write every page."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in PAGES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8")
    with migrated() as connection:
        (FOLDER / "database.md").write_text(database(connection), encoding="utf-8")


if __name__ == "__main__":
    main()

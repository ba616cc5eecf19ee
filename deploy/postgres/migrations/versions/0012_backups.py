"""When backups were made, so that somebody hears of it when none is."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # past SQLAlchemy, which would read % as a parameter
    op.get_bind().connection.cursor().execute(sql)

"""The first schema: sites, readings, windows, alerts, checkpoints, outbox."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # past SQLAlchemy, which would read % as a parameter
    op.get_bind().connection.cursor().execute(sql)

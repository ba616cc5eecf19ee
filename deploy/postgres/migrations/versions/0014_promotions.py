"""Promotions leave alone what the live folds still hold, and rows that stay as they are."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # past SQLAlchemy, which would read % as a parameter
    op.get_bind().connection.cursor().execute(sql)

"""Indicators of some devices and dates, with the correction of the site where a device was."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # past SQLAlchemy, which would read % as a parameter
    op.get_bind().connection.cursor().execute(sql)

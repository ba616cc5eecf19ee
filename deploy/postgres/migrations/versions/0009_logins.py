"""A login for each program, with the rights that it needs, on its own rows."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # past SQLAlchemy, which would read % as a parameter
    op.get_bind().connection.cursor().execute(sql)

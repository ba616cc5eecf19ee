"""The writer keeps the newest status of a device, and leaves alone who it is and what we run."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATUS = "online, session, status_at, status, status_written_at"


def upgrade() -> None:
    """Take the rights that the first schema gave with all tables."""
    op.execute("REVOKE INSERT, UPDATE ON alembic_version FROM cityhum_writer")
    op.execute("REVOKE UPDATE ON device FROM cityhum_writer")
    op.execute(f"GRANT UPDATE ({_STATUS}) ON device TO cityhum_writer")

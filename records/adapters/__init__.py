"""PostgreSQL, read-only."""

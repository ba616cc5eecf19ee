"""The database: migrations, forward only."""

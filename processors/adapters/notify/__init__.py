"""Alerts to the outside: what waits in PostgreSQL, and the ways it leaves."""

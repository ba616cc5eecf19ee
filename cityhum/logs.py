"""JSON lines on stderr, one event each, for every command that serves."""

import logging

from pythonjsonlogger.json import JsonFormatter


def configure(level: str) -> None:
    """Log events of this level and above; the message names the event, fields are its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "message": "event"},
            timestamp="at",
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)

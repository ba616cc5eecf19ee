"""`cityhum certificates`: make and renew what the servers show to their clients."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cityhum.output import AsJson, answer
from schemas.errors import BadConfig


def app(
    folder: Annotated[Path, typer.Argument(help="where certificates and keys are kept")],
    host: Annotated[list[str], typer.Option(help="name or address that clients call; repeat it")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make certificates for Mosquitto, Kafka and PostgreSQL; later, renew them.

    The authority (ca.crt, ca.key) is made once and kept. Give ca.crt to devices and processors, and
    keep ca.key elsewhere once you have what you need.
    """
    try:
        from cityhum.authority import issue  # noqa: PLC0415  # of an extra of its own
    except ImportError:
        raise BadConfig("certificates need the extra pki: pip install 'cityhum[pki]'") from None
    issued = issue(folder, host, datetime.now(UTC))
    until = {server: str(one.not_valid_after_utc.date()) for server, one in issued.items()}
    said = [
        f"{server:<10} valid until {end} for {', '.join(host)}" for server, end in until.items()
    ]
    answer({"hosts": host, "valid_until": until}, "\n".join(said), as_json=as_json)

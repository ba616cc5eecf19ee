"""`cityhum certificates`: make and renew what the servers show to their clients."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cityhum.output import AsJson, answer, complain
from schemas.errors import BadConfig


def app(
    folder: Annotated[Path, typer.Argument(help="where certificates and keys are kept")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="name or address that clients call; repeat it"),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make certificates for Mosquitto, Kafka and PostgreSQL; later, without hosts, renew them.

    The authority (ca.crt, ca.key) is made once and kept. Give ca.crt to devices and processors, and
    keep ca.key elsewhere once you have what you need.
    """
    try:
        from cityhum.authority import hosts_of, issue, names  # noqa: PLC0415  # of an extra
    except ImportError:
        raise BadConfig("certificates need the extra pki: pip install 'cityhum[pki]'") from None
    before = hosts_of(folder)
    hosts = host or before
    if not hosts:
        raise BadConfig(f"{folder} has no certificates: say --host for each name of the servers")
    issued = issue(folder, hosts, datetime.now(UTC))
    if lost := [name for name in before if name not in hosts]:
        complain(f"no longer for {', '.join(lost)}: whoever calls a server so is refused")
    until = {server: str(one.not_valid_after_utc.date()) for server, one in issued.items()}
    said = [
        f"{server:<10} valid until {end} for {', '.join(names(issued[server]))}"
        for server, end in until.items()
    ]
    answer({"hosts": hosts, "valid_until": until}, "\n".join(said), as_json=as_json)

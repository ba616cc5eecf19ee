"""`cityhum simulate-sites`: a sites file for as many simulated devices as wanted."""

from collections.abc import Iterator
from typing import Annotated

import typer

from agents.street_kinds import STREETS
from agents.street_map import TOWN, latitude_longitude


def app(
    devices: Annotated[int, typer.Option(min=1, help="how many")] = 2000,
) -> None:
    """Print a sites file; name it in CITYHUM_SITES_FILE for bridge, migrate and simulate."""
    typer.echo(sites_file(devices), nl=False)


def sites_file(devices: int) -> str:
    """Text of a sites file.

    Parameters
    ----------
    devices : int
        How many, >= 1.

    Returns
    -------
    str
        YAML.
    """
    return "\n".join([*_lines(devices), ""])


def _lines(devices: int) -> Iterator[str]:
    yield "# Made by `cityhum simulate-sites`: towns of twenty devices, one beside the other."
    yield "sites:"
    for device in range(devices):
        town, place = divmod(device, len(TOWN))
        if place == 0:
            yield f"  - site: town-{town + 1:04d}"
            yield "    time_zone: Europe/Berlin"
            yield "    limits_db: {day: 65, evening: 60, night: 55}"
            yield "    devices:"
        latitude, longitude = latitude_longitude(device)
        yield (
            f"      - {{device: pole-{device + 1:05d}, street: {STREETS[place].name},"
            f" latitude: {latitude}, longitude: {longitude}}}"
        )

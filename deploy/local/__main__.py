"""`python -m deploy.local`: the private servers in the background, without the processors."""

import shlex
from typing import Annotated

import typer

from cityhum.ending import end_with
from cityhum.secret_files import private_folder, write_private
from deploy.local import api_keys, programs
from deploy.local.kafka_jars import jars_folder, kafka_jars
from deploy.local.passwords import MqttUsers, Passwords, scram_arguments
from deploy.local.postgres import ROLES
from deploy.local.process import detached
from deploy.local.requirements import FOR_TESTS, ensure, install_for
from deploy.local.secure import KAFKA_USERS
from deploy.local.settings import LocalSettings, local_settings
from deploy.local.stack import LocalStack, read_addresses
from processors import registry
from schemas.errors import BadConfig, Unavailable

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help=__doc__
)


@app.command()
def install() -> None:
    """Install the servers where apt can, and bring Kafka's jars."""
    cache = local_settings().folder / "kafka"
    install_for(jars_folder(cache))
    kafka_jars(cache)


@app.command()
def install_for_tests() -> None:
    """Install what only tests use, where apt can; a test that misses its program is skipped."""
    try:
        ensure(FOR_TESTS)
    except (BadConfig, Unavailable) as error:
        typer.echo(f"cityhum: {error}", err=True)


@app.command()
def up() -> None:
    """Start the servers in the background; return when each answers."""
    settings = local_settings()
    stack = _stack(settings)
    if not all(server.running for server in stack.servers.values()):
        install_for(jars_folder(settings.folder / "kafka"))
        stack.start()
    _say_status(settings)


@app.command()
def down() -> None:
    """Stop what `up` started; data stay."""
    _stack(local_settings()).stop()


@app.command()
def status() -> None:
    """Say which servers run, and where."""
    _say_status(local_settings())


@app.command()
def env(
    program: Annotated[str, typer.Argument(help="of deploy/access.yaml; reader: people who read")],
) -> None:
    """Print the variables of a program, for the shell's eval: it logs in as itself."""
    addresses = read_addresses(local_settings().folder)
    if addresses is None:
        raise BadConfig("no stack was started yet: python -m deploy.local up")
    for name, value in programs.least(addresses, program).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def secrets() -> None:
    """Generate the passwords that are missing, for docker compose (`up` does it by itself)."""
    settings = local_settings()
    folder = settings.folder / "secrets"
    MqttUsers(folder).generate(_devices(settings))
    for role in ("postgres", *(f"cityhum_{role}" for role in ROLES)):
        Passwords(folder / "postgres").file(role)
    Passwords(folder / "grafana").file("admin")
    words = scram_arguments(Passwords(folder / "kafka"), KAFKA_USERS)
    write_private(folder / "kafka-users", words)
    api_keys.keys_file(folder)
    private_folder(folder / "notify")  # a mount wants it to be there


def _stack(settings: LocalSettings) -> LocalStack:
    devices = _devices(settings)
    return LocalStack(settings.folder, settings.ports(), devices=devices, launcher=detached)


def _devices(settings: LocalSettings) -> list[str]:
    try:
        text = settings.sites_file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{settings.sites_file}: {error.strerror}") from None
    return list(registry.parse(text, str(settings.sites_file)).site_of)


def _say_status(settings: LocalSettings) -> None:
    addresses = read_addresses(settings.folder)
    where = {} if addresses is None else addresses.by_server()
    for name, server in _stack(settings).servers.items():
        typer.echo(f"{name:<10} {where.get(name, '') if server.running else 'stopped'}")


def main() -> None:
    """Run the command line; it ends as every command does."""
    end_with(lambda: app(standalone_mode=False))


if __name__ == "__main__":
    main()

"""The whole stack, privately, for the tests that need all of it."""

import asyncio
from collections.abc import Iterator

import pytest

from deploy.local import programs
from deploy.local.stack import LocalStack
from tests.servers import DEVICES, JARS


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Mosquitto, Kafka with our topics, PostgreSQL with our tables; no processors yet."""
    servers = LocalStack(tmp_path_factory.mktemp("stack"), devices=DEVICES, jars=JARS)
    with servers:
        asyncio.run(programs.prepare(servers.addresses))
        yield servers
    servers.postgres.remove()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to tell beside passing: worker processes cannot."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "told":
                    terminalreporter.write_line(str(value))

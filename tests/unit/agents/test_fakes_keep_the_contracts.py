"""The fakes do what the real adapters do; those run the same suites in tests/integration."""

import pytest

from tests.contracts import ConnectionContract, OpenSpool, SpoolContract
from tests.fakes import FakeBroker, FakeSpool


class TestFakeSpool(SpoolContract):
    @pytest.fixture
    def open_spool(self) -> OpenSpool:
        return FakeSpool


class TestFakeLink(ConnectionContract):
    @pytest.fixture
    def broker(self) -> FakeBroker:
        return FakeBroker()

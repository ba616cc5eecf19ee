"""What an outage may cost."""

import pytest

from benchmarks.outage import is_clean


@pytest.mark.parametrize("name", ["missing", "out_of_order", "live_late"])
def test_nothing_missing_out_of_order_or_late(name: str) -> None:
    clean = {"readings": 9, "missing": 0, "out_of_order": 0, "live_late": 0}
    assert is_clean(clean)
    assert not is_clean({**clean, name: 1})

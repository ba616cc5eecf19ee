"""The process of a minute's indices, where there is none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from agents.adapters.minutes import computed
from schemas.errors import Unavailable


async def test_a_process_that_cannot_be_started_costs_its_minute_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match="indices: not started: No such file"):
        await computed([np.zeros(8, np.float32)], 16_000, tmp_path)

"""What commands print."""

import json

import pytest

from cityhum.output import answer, console
from cityhum.status import MEANINGS, Status
from schemas.base import Frozen


def test_every_status_has_a_meaning() -> None:
    assert MEANINGS.keys() == set(Status)


class Heard(Frozen):
    level_db: float


def test_an_answer_is_words_or_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    answer([Heard(level_db=61.5)], "61.5 dB [bold]", as_json=False)
    assert capsys.readouterr().out == "61.5 dB [bold]\n"
    answer([Heard(level_db=61.5)], "61.5 dB", as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"level_db": 61.5}]


def test_a_table_that_nobody_looks_at_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width > 500

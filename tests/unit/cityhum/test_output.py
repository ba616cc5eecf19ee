"""What commands print."""

import io
import json
import os
import sys

import pytest
from rich.table import Table

from cityhum.output import answer, console, line
from cityhum.status import MEANINGS, Status
from schemas.base import Frozen


def test_every_status_has_a_meaning() -> None:
    assert MEANINGS.keys() == set(Status)


class Heard(Frozen):
    level_db: float


class Named(Frozen):
    file: str


LATIN_1 = os.fsdecode(b"stra\xdfe.wav")
"""A file's name that is not UTF-8, as the system gives it."""


def test_an_answer_is_words_or_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    answer([Heard(level_db=61.5)], "61.5 dB [bold]", as_json=False)
    assert capsys.readouterr().out == "61.5 dB [bold]\n"
    answer([Heard(level_db=61.5)], "61.5 dB", as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"level_db": 61.5}]


def test_a_table_that_nobody_looks_at_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width > 500


def test_a_name_that_is_not_utf_8_is_printed_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    line(Named(file=LATIN_1))
    answer({LATIN_1: [Named(file=LATIN_1), (LATIN_1, 1)]}, "", as_json=True)
    first, rest = capsys.readouterr().out.split("\n", 1)
    shown = r"stra\udcdfe.wav"
    assert json.loads(first) == {"file": shown}
    assert json.loads(rest) == {shown: [{"file": shown}, [shown, 1]]}


def test_a_name_that_is_not_utf_8_is_printed_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8", write_through=True))
    answer(None, f"{LATIN_1}: heard", as_json=False)
    answer(None, Table(LATIN_1), as_json=False)
    console().print(LATIN_1)
    assert printed.getvalue().decode().count(r"stra\udcdfe.wav") == 3

"""Rules that change while alerts are listened for."""

import logging
from pathlib import Path

import pytest

from processors import registry
from processors.adapters.rule_file import RuleBook, RuledRun, load
from schemas.errors import BadConfig
from schemas.results import Alert
from tests.streams import envelope
from tests.unit.processors.test_alerts import heard
from tests.unit.processors.test_rules import LOUD, SIREN, SITES, text

STRICTER = {**SIREN, "on_score": 900, "off_score": 850}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.yaml"
    path.write_text(text(SIREN))
    return path


def book_of(file: Path) -> RuleBook:
    return RuleBook(file, registry.parse(SITES))


def changed(file: Path, document: str) -> None:
    """Replace the file, as editors do."""
    fresh = file.with_suffix(".new")
    fresh.write_text(document)
    fresh.replace(file)


def told(run: RuledRun, scores: str, first_seq: int) -> list[Alert]:
    outputs, _ = run.apply(envelope(*heard(scores, first_seq)))
    return [message for message in outputs.messages if isinstance(message, Alert)]


def test_the_same_file_gives_the_same_rules(file: Path) -> None:
    book = book_of(file)
    assert book.current() is book.current()


def test_new_rules_hold_from_a_commit_on(file: Path) -> None:
    run = RuledRun(book_of(file), {})
    told(run, "..", 0)
    changed(file, text(STRICTER))
    [raised] = told(run, "SSS", 2)  # nothing has been committed yet
    states = run.changed()
    [cleared] = told(run, "SS......", 5)  # what is open ends under the rule that opened it
    assert cleared.alert_id == raised.alert_id
    run.changed()
    assert not told(run, "." * 20 + "SSSSSS", 13)
    again = RuledRun(book_of(file), states)  # a restart from the first commit says the same
    assert told(again, "SS......", 5) == [cleared]


def test_a_broken_file_keeps_the_rules_and_says_so_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = book_of(file)
    before = book.current()
    with caplog.at_level(logging.ERROR):
        for broken in ("rules: [", text({**SIREN, "sites": ["quay"]})):
            changed(file, broken)
            assert book.current() is book.current() is before
        file.unlink()
        assert book.current() is before
    assert [record.message for record in caplog.records] == ["rules_refused"] * 3
    changed(file, text(SIREN, LOUD))
    assert [rule.rule for rule in book.current()] == ["siren", "loud"]


def test_a_rule_for_nobody_is_refused_at_the_start(file: Path) -> None:
    file.write_text(text({**SIREN, "devices": ["pole-99"]}))
    with pytest.raises(BadConfig, match="there is no 'pole-99'"):
        book_of(file)
    assert load(file)[0].devices == ("pole-99",)

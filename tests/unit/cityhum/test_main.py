import sys

import pytest

from cityhum.main import main


def refused(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["cityhum", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("sing", "'sing'"),
        ("--loud", "--loud"),
        ("rules sing", "'sing'"),
        ("rules check --loud", "--loud"),
        ("topics check one", "one"),
        ("rules check nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    words: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refused(words, monkeypatch, capsys)
    assert line.count("\n") == 1
    assert line.startswith("cityhum: ")
    assert named in line


def test_no_command_is_answered_with_the_help_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused("", monkeypatch, capsys) == ""


def test_what_succeeds_ends_with_status_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cityhum", "rules", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "siren" in capsys.readouterr().out

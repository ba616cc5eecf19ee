import sys

import pytest

from cityhum.main import main

GIVE = "give 00000000-0000-0000-0000-000000000001 true"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("give 7 true --by Ada", "valid UUID"),
        ("give 00000000-0000-0000-0000-000000000001 perhaps --by Ada", "perhaps"),
        ("give 00000000-0000-0000-0000-000000000001 true", "--by"),
        ("next --count 0", "--count"),
        (f"{GIVE} --by \x1b[2J", "one line without control characters"),
        (f"{GIVE} --by Ada --note \x9b2J", "one line without control characters"),
        (f"{GIVE} --by=", "a verdict needs a name"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    words: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["cityhum", "verdicts", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert named in line

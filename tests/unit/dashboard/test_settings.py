"""The dashboard's settings: mistakes are one line before anything is served."""

import pytest

from dashboard.__main__ import main


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CITYHUM_DASHBOARD_REFRESH_S", "0.1", "greater than or equal to 0.5"),
        ("CITYHUM_DASHBOARD_REFRESH", "2", "unknown setting CITYHUM_DASHBOARD_REFRESH"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_served(
    name: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert name in line
    assert said in line

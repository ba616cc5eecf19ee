"""The dashboard's settings: mistakes are one line before anything is served."""

import pytest
from streamlit.web import cli

from dashboard.__main__ import command, main


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


@pytest.mark.parametrize(
    ("given", "address"), [([], "127.0.0.1"), (["--server.address=::1"], "::1")]
)
def test_it_is_shown_to_nobody_else_wherever_it_is_started(given: list[str], address: str) -> None:
    read = cli.main_run.make_context("run", command(given)[4:]).params
    assert read["server_address"] == address
    assert read["browser_gatherUsageStats"] is False
    assert read["client_showErrorDetails"] == "none"

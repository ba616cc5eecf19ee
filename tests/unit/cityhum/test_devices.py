"""`cityhum devices`: passwords come and go, and nobody else is touched."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityhum import devices
from cityhum.password_book import PasswordBook
from deploy.local.passwords import MqttUsers
from schemas.errors import BadConfig

IDS = ("pole-01", "pole-02")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    MqttUsers(tmp_path).generate(IDS)
    return tmp_path


def _run(installed: Path, verb: str, device: str, credential: str = "new") -> str:
    where = ["--secrets", str(installed), "--pid-file", str(installed / "no.pid")]
    new = [] if verb == "revoke" else ["--credential", str(installed / credential)]
    done = CliRunner().invoke(devices.app, [verb, device, *new, *where])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def _hashes(installed: Path) -> dict[str, str]:
    lines = (installed / "mosquitto" / "passwords").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":", 1) for line in lines)


def test_a_device_is_let_in_and_its_password_is_for_its_owner_only(installed: Path) -> None:
    before = _hashes(installed)
    said = _run(installed, "add", "pole-21")
    assert (installed / "new").stat().st_mode & 0o777 == 0o600
    assert (installed / "new").read_text(encoding="utf-8").strip() not in said
    after = _hashes(installed)
    assert set(after) == {*before, "pole-21"}
    assert {user: after[user] for user in before} == before


def test_a_revoked_device_stays_outside_at_the_next_start(installed: Path) -> None:
    _run(installed, "revoke", "pole-01")
    MqttUsers(installed).generate(IDS)
    assert "pole-01" not in _hashes(installed)
    assert not (installed / "devices" / "pole-01").exists()
    _run(installed, "add", "pole-01")
    assert "pole-01" in _hashes(installed)


def test_a_rotated_password_outlives_the_next_start(installed: Path) -> None:
    _run(installed, "rotate", "pole-01")
    MqttUsers(installed).generate(IDS)
    word = (installed / "devices" / "pole-01").read_text(encoding="utf-8")
    assert word == (installed / "new").read_text(encoding="utf-8").strip()


def test_who_was_added_outlives_the_next_start(installed: Path) -> None:
    _run(installed, "add", "pole-21")
    MqttUsers(installed).generate(IDS)
    assert "pole-21" in _hashes(installed)


@pytest.mark.parametrize("device", ["+", "#", "pole-+", "a/b", "bridge", "Pole", "", "x" * 64])
def test_what_is_no_device_is_refused(installed: Path, device: str) -> None:
    before = _hashes(installed)
    with pytest.raises(BadConfig):
        _run(installed, "add", device)
    assert _hashes(installed) == before


@pytest.mark.parametrize(
    ("verb", "device"), [("add", "pole-01"), ("rotate", "pole-99"), ("revoke", "pole-99")]
)
def test_who_has_a_password_is_asked_first(installed: Path, verb: str, device: str) -> None:
    with pytest.raises(BadConfig, match="password"):
        _run(installed, verb, device)


def test_no_file_is_overwritten(installed: Path) -> None:
    (installed / "new").write_text("precious", encoding="utf-8")
    with pytest.raises(BadConfig, match="exists"):
        _run(installed, "add", "pole-21")
    assert "pole-21" not in PasswordBook(installed / "mosquitto").users()


def test_a_book_that_cannot_be_written_is_one_line_and_leaves_no_password(installed: Path) -> None:
    before = _hashes(installed)
    (installed / "mosquitto" / ".revoked.new").mkdir()  # in the way
    with pytest.raises(BadConfig, match="revoked"):
        _run(installed, "rotate", "pole-01")
    assert _hashes(installed) == before
    assert not (installed / "new").exists()

"""Certificates of one's own: believed by who knows the authority, for the hosts named only."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cityhum import authority
from cityhum.main import build
from schemas.errors import BadConfig

NOW = datetime.now(UTC)


def _shake(folder: Path, server: str, believed: Path, host: str) -> None:
    """A handshake without a network: two ends in memory."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / f"{server}.pem")
    asking = ssl.create_default_context(cafile=str(believed))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        asking.wrap_bio(back, there, server_hostname=host),
        serving.wrap_bio(there, back, server_side=True),
    ]
    waiting = list(ends)
    while waiting:
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls") / "tls"
    authority.issue(made, ["broker.example", "127.0.0.1"], NOW)
    return made


@pytest.mark.parametrize("server", authority.SERVERS)
@pytest.mark.parametrize("host", ["broker.example", "127.0.0.1"])
def test_a_server_is_believed_under_its_names(folder: Path, server: str, host: str) -> None:
    _shake(folder, server, folder / "ca.crt", host)


def test_a_server_is_not_believed_under_another_name(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"other\.example"):
        _shake(folder, "kafka", folder / "ca.crt", "other.example")


def test_a_server_of_another_authority_is_not_believed(folder: Path, tmp_path: Path) -> None:
    authority.issue(tmp_path / "tls", ["broker.example"], NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake(folder, "kafka", tmp_path / "tls" / "ca.crt", "broker.example")


def test_renewed_certificates_are_of_the_same_authority(folder: Path, tmp_path: Path) -> None:
    before = (folder / "ca.crt").read_bytes()
    authority.issue(folder, ["broker.example", "127.0.0.1"], NOW)
    (tmp_path / "ca.crt").write_bytes(before)
    _shake(folder, "postgres", tmp_path / "ca.crt", "broker.example")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(build(), ["certificates", *map(str, words)])


def test_who_renews_without_hosts_keeps_the_names(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    hosts = [word for host in ("broker.example", "kafka", "127.0.0.1") for word in ("--host", host)]
    assert run(folder, *hosts).exit_code == 0
    before = (folder / "kafka.crt").read_bytes()
    assert run(folder).exit_code == 0
    assert (folder / "kafka.crt").read_bytes() != before
    assert authority.hosts_of(folder) == ["broker.example", "kafka", "127.0.0.1"]
    _shake(folder, "kafka", folder / "ca.crt", "kafka")


def test_names_that_are_left_out_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    run(folder, "--host", "broker.example", "--host", "kafka")
    assert "no longer for kafka" in run(folder, "--host", "broker.example").stderr


def test_the_first_certificates_need_a_name(tmp_path: Path) -> None:
    refused = run(tmp_path / "tls")
    assert refused.exit_code
    assert "say --host" in str(refused.exception or refused.output)


def test_keys_are_for_their_owner_only(folder: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert all(mode == (0o644 if name.endswith(".crt") else 0o600) for name, mode in modes.items())


def test_a_damaged_authority_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "tls"
    broken.mkdir()
    for name in ("ca.crt", "ca.key"):
        (broken / name).write_text("nonsense", encoding="utf-8")
    with pytest.raises(BadConfig, match="damaged"):
        authority.issue(broken, ["broker.example"], NOW)

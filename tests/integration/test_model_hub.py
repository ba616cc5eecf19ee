"""`cityhum models pull` from a hub of one repository, which speaks as much HTTP as that takes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hearing.adapters import shelf
from hearing.adapters.hub import fetch
from schemas.errors import BadConfig
from tests.tiny_models import model_folder

REPO = "harbour/tiny"
COMMIT = "5" * 40
LARGEST = 1_000_000


class Hub:
    """A repository at one commit; asked for anything else, it says so as the real one does."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.fetched: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def address(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                status, headers, body = hub.answer(self.command, self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        path = path.partition("?")[0]
        info, files = f"/api/models/{REPO}/revision/", f"/{REPO}/resolve/{COMMIT}/"
        if path.startswith(info):
            if path.removeprefix(info) not in {"main", "v1", COMMIT}:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            names = [{"rfilename": name} for name in self.files]
            told = {"id": REPO, "sha": COMMIT, "siblings": names, "tags": [], "private": False}
            return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()
        if path.startswith(files):
            body = self.files.get(path.removeprefix(files))
            if body is None:
                return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
            if method == "GET":
                self.fetched.append(path.removeprefix(files))
            return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{abs(hash(body)):x}"'}, body
        return 404, {"X-Error-Code": "RepoNotFound"}, b""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = model_folder(tmp_path / "source")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    made = Hub({**files, "card.md": b"# tiny\n", "setup.py": b"raise SystemExit(9)", "x.bin": b"x"})
    serving = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    serving.join()


def pull(address: str, home: Path, *arguments: str) -> tuple[int, str, str]:
    """Status, what was said, and what was complained about."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "cityhum", "models", "pull", "--models", str(home / "models")]
    done = subprocess.run(
        [*command, *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_model_is_pulled_at_a_commit_with_nothing_but_its_own_files(
    hub: Hub, tmp_path: Path
) -> None:
    status, said, complaints = pull(hub.address, tmp_path, REPO, "--revision", "v1")
    assert (status, complaints) == (0, "")
    assert f"{REPO} at {COMMIT}" in said
    added = tmp_path / "models" / "tiny-0.1.0"
    assert {file.name for file in added.iterdir()} == {"manifest.json", "model.onnx", "card.md"}
    assert sorted(hub.fetched) == ["card.md", "manifest.json", "model.onnx"]
    assert (added / "model.onnx").read_bytes() == hub.files["model.onnx"]


@pytest.mark.parametrize(
    ("changed", "repo", "revision", "reason"),
    [
        ({"model.onnx": b"another"}, REPO, "main", "manifest.json: sha256 "),
        ({"model.onnx": bytes(LARGEST + 1)}, REPO, "main", "1000001 bytes, more than 1000000"),
        ({"manifest.json": b'{"format": 2}'}, REPO, "main", "format: 2 is newer than 1"),
        ({"manifest.json": None}, REPO, "main", f"{REPO}: "),
        ({}, REPO, "v9", f"{REPO}: "),
        ({}, "harbour/other", "main", "harbour/other: "),
        ({}, "no repository", "main", "no repository: "),
    ],
)
def test_what_is_no_model_of_ours_is_refused_in_one_line(
    hub: Hub,
    tmp_path: Path,
    changed: dict[str, bytes | None],
    repo: str,
    revision: str,
    reason: str,
) -> None:
    hub.files = {k: v for k, v in {**hub.files, **changed}.items() if v is not None}
    pulled, models = tmp_path / "pulled", tmp_path / "models"
    with pytest.raises(BadConfig) as refused:  # noqa: PT012  # the way of `pull`
        fetch(repo, revision, pulled, LARGEST, hub.address)
        shelf.add(pulled, models)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(models.glob("*"))


def test_a_refused_model_is_named_by_its_repository(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.onnx"] = b"another"
    status, _, complaints = pull(hub.address, tmp_path, REPO)
    assert status == 2
    assert complaints.startswith(f"cityhum: {REPO}/manifest.json: sha256 ")
    assert not (tmp_path / "models").exists()


def test_a_hub_that_is_away_is_one_line(tmp_path: Path) -> None:
    status, _, complaints = pull("http://127.0.0.1:1", tmp_path, REPO)
    assert (status, complaints.count("\n")) == (3, 1), complaints
    assert "the hub does not answer" in complaints

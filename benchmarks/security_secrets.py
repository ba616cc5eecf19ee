"""Seek passwords and keys where they should not be."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.security_stack import ROOT, SecureStack
from benchmarks.security_trial import Trial, may, may_not

_SERVER: Final = "secrets"
_SHORTEST: Final = 12
_PATTERNS: Final = re.compile(
    rb"-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*\n[A-Za-z0-9+/=]{20}"
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # a cloud's access key
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    rb"|\bhf_[A-Za-z0-9]{34}\b"
    rb"|\bxox[abpr]-[0-9A-Za-z-]{20,}"
    rb"|\$[67]\$[0-9]+\$[A-Za-z0-9+/=]{12,}\$[A-Za-z0-9+/=]{40,}"  # Mosquitto's hashes
)
_IMAGES: Final = re.compile(
    rb"^\s*(?:ENV|ARG|-?\s*[A-Z_]*)\s*\"?[A-Z_]*(?:PASSWORD|SECRET|TOKEN|API_KEY)\"?\s*[=:]\s*"
    rb"[\"']?[^\s\"'$/.{\[]",
    re.MULTILINE,
)


def values(folder: Path) -> dict[str, bytes]:
    """Every secret below a folder, by the name of its file."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in {".crt", ".lock"}:
            for number, line in enumerate(path.read_bytes().splitlines()):
                word = line.rpartition(b":")[2].strip()
                if len(word) >= _SHORTEST and b"-----" not in word:
                    found[f"{path.relative_to(folder)}:{number}"] = word
    return found


def trials(stack: SecureStack, payloads: Iterable[bytes], pids: Sequence[int]) -> Iterator[Trial]:
    """Seek every secret in what others can read. `pids` are our programs, still running."""
    words = values(stack.secrets)
    yield may(_SERVER, "control", "the search finds what is there", _control(words))
    places = {
        "logs": (path.read_bytes() for path in (stack.folder / "log").rglob("*") if path.is_file()),
        "command lines (ps)": _processes("cmdline"),
        "environment of our programs": _environments(pids),
        "MQTT payloads and Kafka records": payloads,
        "the working tree": _tree(),
    }
    for name, texts in places.items():
        yield may_not(_SERVER, "a password or key", name, _any(words, texts))
    history = _history()
    yield may_not(_SERVER, "a password or key", "history of git", _any(words, [history]))
    shaped = bool(_PATTERNS.search(history))
    yield may_not(_SERVER, "what looks like a key or hash", "history of git", shaped)
    written = any(_IMAGES.search(text) for text in _images())
    yield may_not(_SERVER, "what looks like a password", "images and compose", written)
    rights = any(_open_to_others(path) for path in stack.secrets.rglob("*"))
    yield may_not(_SERVER, "other users", "read secret files", rights)


def _control(words: dict[str, bytes]) -> bool:
    return all(_any(words, [b"x" + word + b"y"]) for word in words.values()) and bool(words)


def _any(words: dict[str, bytes], texts: Iterable[bytes]) -> bool:
    pattern = re.compile(b"|".join(re.escape(word) for word in sorted(set(words.values()))))
    return any(pattern.search(text) for text in texts)


def _processes(what: str) -> Iterator[bytes]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            yield _readable(folder / what)


def _environments(pids: Sequence[int]) -> Iterator[bytes]:
    for pid in pids:
        yield _readable(Path(f"/proc/{pid}/environ"))


def _readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone, or another user's
        return b""


def _tree() -> Iterator[bytes]:
    listed = _git("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in listed.split(b"\0"):
        path = ROOT / os.fsdecode(name)
        if path.is_file():
            yield path.read_bytes()


def _history() -> bytes:
    """Every text that was ever added; this file's own patterns are not keys."""
    return _git("log", "-p", "--all", "--no-textconv", "--no-color", "--unified=0")


def _images() -> Iterator[bytes]:
    for path in (ROOT / "deploy").rglob("*"):
        if path.is_file() and ("Dockerfile" in path.name or path.name.startswith("container")):
            yield path.read_bytes()
    for path in (ROOT / "docker-compose.yml", *(ROOT / "deploy" / "compose").glob("*.yml")):
        yield path.read_bytes()


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout


def _open_to_others(path: Path) -> bool:
    return path.is_file() and path.suffix != ".crt" and bool(path.stat().st_mode & 0o077)

"""The programs that pip cannot bring: find them, or install them where apt is at hand."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import BadConfig, Unavailable

_POSTGRES_AT_LEAST = 14
_POSTGRES = ("initdb", "postgres", "psql")
_JAVA_AT_LEAST = 17
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
_WAY_OUT = "or run the stack in containers: docker compose up (docker-compose.yml)"


@dataclass(frozen=True)
class Requirement:
    """A program we start: how people call it, how to find it, which packages bring it.

    Of the packages the first one that the system's archive knows is installed.
    """

    name: str
    find: Callable[[], Path | None]
    packages: Sequence[str]


def find_program(name: str) -> Path | None:
    """Find a program on PATH or in the folders that only root has on it."""
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)
    return Path(found) if found else None


def find_postgres() -> Path | None:
    """Find the newest folder that holds PostgreSQL's server programs."""
    on_path = find_program("postgres")
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    folders += [on_path.resolve().parent] if on_path else []
    whole = [folder for folder in folders if all((folder / name).exists() for name in _POSTGRES)]
    dated = [(version_of([str(folder / "postgres"), "--version"]), folder) for folder in whole]
    version, newest = max(dated, default=(0, Path()))
    return newest if version >= _POSTGRES_AT_LEAST else None


def find_java() -> Path | None:
    """Find a Java that runs Kafka."""
    on_path = find_program("java")
    installed = sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    for java in [*([on_path] if on_path else []), *installed]:
        if version_of([str(java), "-version"]) >= _JAVA_AT_LEAST:
            return java
    return None


def version_of(command: Sequence[str]) -> int:
    """Return the major version that a program states; 0 if it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = re.search(r"\d+", done.stdout + done.stderr)
    return int(number.group()) if number else 0


MOSQUITTO = Requirement("mosquitto", lambda: find_program("mosquitto"), ["mosquitto"])
POSTGRES = Requirement(f"PostgreSQL {_POSTGRES_AT_LEAST} or newer", find_postgres, ["postgresql"])
JAVA = Requirement(
    f"Java {_JAVA_AT_LEAST} or newer",
    find_java,
    ["openjdk-21-jre-headless", "openjdk-17-jre-headless", "default-jre-headless"],
)
SETPRIV = Requirement("setpriv (Linux)", lambda: find_program("setpriv"), ["util-linux"])
MAVEN = Requirement("Maven", lambda: find_program("mvn"), ["maven"])
NODE_EXPORTER = Requirement(
    "node_exporter",
    lambda: find_program("prometheus-node-exporter"),
    ["prometheus-node-exporter"],
)
FOR_TESTS = (
    Requirement("mosquitto_sub", lambda: find_program("mosquitto_sub"), ["mosquitto-clients"]),
    Requirement("arecord", lambda: find_program("arecord"), ["alsa-utils"]),
    Requirement("strace", lambda: find_program("strace"), ["strace"]),
    Requirement("prometheus", lambda: find_program("promtool"), ["prometheus"]),
    NODE_EXPORTER,
)


def require(requirement: Requirement) -> Path:
    """Return where a program is, or say in one line that it is missing."""
    found = requirement.find()
    if found is None:
        raise BadConfig(f"missing: {requirement.name}; install it, {_WAY_OUT}")
    return found


def install_for(jars: Path) -> None:
    """Make the stack's programs be there; Maven only if Kafka's jars are not there yet."""
    ensure([MOSQUITTO, POSTGRES, JAVA, SETPRIV, *([] if jars.is_dir() else [MAVEN])])


def ensure(requirements: Iterable[Requirement]) -> None:
    """Install what is missing, or say in one line what it is and what else could be done."""
    missing = [requirement for requirement in requirements if requirement.find() is None]
    if not missing:
        return
    names = ", ".join(requirement.name for requirement in missing)
    if not _has_apt():
        raise BadConfig(f"missing: {names}; install them, {_WAY_OUT}")
    packages = " ".join(requirement.packages[-1] for requirement in missing)
    rights = _rights()
    if rights is None:
        raise BadConfig(f"missing: {names}; as root: apt-get install {packages}; {_WAY_OUT}")
    _apt(rights, ["update"])
    _apt(rights, ["install", *(_first_known(requirement) for requirement in missing)])
    for requirement in missing:
        require(requirement)


def _has_apt() -> bool:
    """Whether this is Debian or one of its children, Raspberry Pi OS and Ubuntu among them."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return False
    family = {system.get("ID", ""), *system.get("ID_LIKE", "").split()}
    return bool(family & {"debian", "ubuntu", "raspbian"}) and bool(shutil.which("apt-get"))


def _rights() -> Sequence[str] | None:
    """Return what makes a command run as root without asking anybody; None if nothing does."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ("sudo", "-n") if asked.returncode == 0 else None


def _first_known(requirement: Requirement) -> str:
    for package in requirement.packages:
        # `apt-cache show` also knows packages that others merely mention
        asked = ["apt-cache", "policy", package]
        known = subprocess.run(
            asked, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
        )
        if re.search(r"Candidate: (?!\(none\))", known.stdout):
            return package
    return requirement.packages[-1]


def _apt(rights: Sequence[str], arguments: Sequence[str]) -> None:
    """Run apt-get; RUNLEVEL=1 keeps packages from starting services where it can be kept."""
    quiet = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    options = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    command = [*rights, "env", *quiet, "apt-get", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("E:")]
        reason = said[0] if said else f"exit {done.returncode}"
        raise Unavailable(f"apt-get {' '.join(arguments)} failed: {reason}; {_WAY_OUT}")

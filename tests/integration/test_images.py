"""The images, as far as that goes without an engine: the recipe's own steps, run in a folder."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.utils import parse_wheel_filename

from deploy.images.check import STARTS
from tests.compose import ROOT, project, tool

DOCKERFILE = (ROOT / "deploy/images/Dockerfile").read_text(encoding="utf-8")
ROLES = tuple(STARTS)
COMPILED = {"aarch64": {"faust-streaming", "sdnotify"}, "x86_64": {"sdnotify"}}
"""What has no wheel for the image: the first stage has a compiler for Faust's, sdnotify is pure."""


def ignored() -> tuple[list[str], list[str]]:
    """What .dockerignore lets in, and what it then takes out."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return [one[1:] for one in rules if one[0] == "!"], [one for one in rules[1:] if one[0] != "!"]


def sent() -> Iterator[PurePosixPath]:
    """Files of the repository that reach the build."""
    let_in, taken_out = ignored()
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *let_in],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for path in map(PurePosixPath, listed.stdout.splitlines()):
        if not any(path.is_relative_to(one) for one in taken_out):
            yield path


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("context")
    for path in sent():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    return folder


def test_no_test_training_or_secret_reaches_the_build() -> None:
    top = {path.parts[0] for path in sent()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - top == {"tests", "training", "benchmarks"} & packages
    assert not any(path.suffix in {".key", ".pem", ".env"} for path in sent())


def test_the_linter_has_nothing_to_say() -> None:
    command = [tool("hadolint"), "--no-color", "deploy/images/Dockerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_base_and_tools_are_of_one_version() -> None:
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, flags=re.MULTILINE)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert set(bases) == {"python:${PYTHON}", "program"}
    assert bases[-1] == "program"
    assert re.search(r"pip install \S+ uv==\d+\.\d+\.\d+$", DOCKERFILE, flags=re.MULTILINE)
    assert re.search(r"^USER \d+:\d+$", DOCKERFILE, flags=re.MULTILINE)


def test_compose_builds_every_role_for_both_machines() -> None:
    built = [one["build"] for one in project(("docker-compose.yml",))["services"].values()
             if "build" in one]  # fmt: skip
    assert {one["args"]["ROLE"] for one in built} == set(ROLES)
    for one in built:
        assert one["x-bake"]["platforms"] == ["linux/amd64", "linux/arm64"]


@pytest.mark.parametrize("machine", COMPILED)
@pytest.mark.parametrize("role", ROLES)
def test_what_has_no_wheel_is_known(role: str, machine: str) -> None:
    python = re.findall(r"^ARG PYTHON=3\.(\d+)", DOCKERFILE, flags=re.MULTILINE)[0]
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    by_name = {one["name"]: one for one in locked}
    without = {
        name
        for name in installed(role)
        if not any(fits(url, machine, int(python)) for url in wheels(by_name[name]))
    }
    assert without <= COMPILED[machine]


def installed(role: str) -> Iterable[str]:
    """Packages of a role on Linux, from the lock alone."""
    exported = subprocess.run(
        [str(Path(sys.executable).with_name("uv")), "export", "--quiet", "--frozen", "--no-dev",
         "--no-emit-project", "--no-hashes", "--no-annotate", "--no-header", "--extra", role],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in exported.stdout.splitlines():
        name, _, marker = line.partition("==")
        if not re.search(r"(sys_platform|platform_system) == '(win32|darwin|Windows)'", marker):
            yield name


def wheels(package: dict[str, Any]) -> Iterable[str]:
    return [one["url"].rsplit("/", 1)[1] for one in package.get("wheels", [])]


def fits(wheel: str, machine: str, python: int) -> bool:
    """Whether Debian's glibc and CPython 3.`python` take it."""
    for tag in parse_wheel_filename(wheel)[3]:
        here = tag.platform == "any" or re.fullmatch(rf"manylinux\w*_{machine}", tag.platform)
        exact = tag.interpreter in {f"cp3{python}", "py3"}
        stable = tag.abi == "abi3" and int(tag.interpreter[3:]) <= python
        if here and (exact or stable):
            return True
    return False


@pytest.mark.parametrize("role", ROLES)
def test_the_recipe_makes_an_environment_that_starts(
    role: str, context: Path, tmp_path: Path
) -> None:
    steps = re.search(r"COPY \. \.\nRUN (.*?)\n\n", DOCKERFILE, flags=re.DOTALL)
    assert steps is not None
    script = steps[1].replace("\\\n", " ").replace("/opt/cityhum", str(tmp_path / "made"))
    ours = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ROLE": role,
        "UV_PROJECT_ENVIRONMENT": str(tmp_path / "made"),
        "UV_PYTHON": str(Path(sys.executable).resolve()),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=context, env=ours, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

"""Commands of the pages, asked of Compose: each is about some service, and leaves none out."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.compose import CITY, DEMO, OWNER, ROOT, asked, mounted, project

CONTAINERS = ROOT / "docs/containers.md"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BY_PROFILE = {"build", "config", "up", "down", "stop", "run"}
ONE_MORE_WORD = {"-f", "--file", "--profile", "--signal", "--since"}
IN_ENV = {"COMPOSE_PROFILES": "core", **OWNER}
"""What `make secrets` writes."""


class Command(NamedTuple):
    """`docker compose`, its own options, and what follows."""

    page: Path
    options: list[str]
    does: str
    rest: list[str]

    @property
    def named(self) -> list[str]:
        """Services that are named."""
        words = [
            word
            for before, word in pairwise(["", *self.rest])
            if not word.startswith("-") and before not in ONE_MORE_WORD
        ]
        return words[:1] if self.does in {"run", "exec", "port"} else words


def section(text: str, title: str) -> str:
    return text.partition(f"\n{title}\n")[2].partition("\n## ")[0]


def commands(page: Path, text: str) -> Iterator[Command]:
    """In blocks and in backticks; `…` stands for what a reader fills in."""
    for line in re.findall(r"docker\s+compose ([^`\n]+)", re.sub(r"\\\n *", "", text)):
        words = shlex.split(line.split("  ")[0].split("#")[0])
        words = words[: next((i for i, word in enumerate(words) if word in {"&&", ">", "|"}), None)]
        options = []
        while words and words[0].startswith("-"):
            options += [words.pop(0) for _ in range(1 + (words[0] in ONE_MORE_WORD))]
        if words:
            yield Command(page, options, words[0], words[1:])


def all_commands() -> list[Command]:
    return [one for page in PAGES for one in commands(page, page.read_text(encoding="utf-8"))]


def test_commands_are_found() -> None:
    found = [one for one in all_commands() if one.page == CONTAINERS]
    assert {one.does for one in found} >= BY_PROFILE | {"exec", "restart", "kill", "ps"}


@pytest.mark.parametrize("files", [DEMO, CITY], ids=["demo", "city"])
def test_every_command_is_about_some_service(files: tuple[str, ...]) -> None:
    """Without a profile Compose does nothing, and says nothing."""
    chosen = [word for name in files for word in ("-f", name)]
    every = set(project(files)["services"])
    enabled: dict[tuple[str, ...], str] = {}
    for one in all_commands():
        assert set(one.named) <= every, one
        options = tuple(one.options)
        if one.does in BY_PROFILE and not one.named and options not in enabled:
            given = asked(*chosen, *options, "config", "--services", **IN_ENV)
            enabled[options] = given.stdout
        assert one.named or one.does not in BY_PROFILE or enabled[options].split(), one


def test_what_ends_or_builds_everything_leaves_nothing_out() -> None:
    for one in commands(CONTAINERS, CONTAINERS.read_text(encoding="utf-8")):
        if one.does in {"down", "stop", "build"}:
            assert one.options == ["--profile", "*"], one


def test_digests_are_asked_of_images_that_a_registry_has() -> None:
    (lock,) = [one for one in all_commands() if "--lock-image-digests" in one.rest]
    services = project(CITY)["services"]
    others = {name for name, one in services.items() if "build" not in one}
    needed = {one for name in lock.named for one in services[name].get("depends_on", {})}
    assert {*lock.named, *needed} == others


def test_an_upgrade_starts_anew_what_reads_files_that_are_mounted_alone() -> None:
    """Such a file stays what it was when `git pull` or `make secrets` puts another in its place."""
    text = section(CONTAINERS.read_text(encoding="utf-8"), "## Upgrading")
    steps = list(commands(CONTAINERS, text))
    (anew,) = [n for n, one in enumerate(steps) if "--force-recreate" in one.rest]
    assert text.index("make secrets") < text.index("--force-recreate")
    asked_again = [n for n, one in enumerate(steps) if one.does == "exec"]
    assert asked_again
    assert anew < min(asked_again)
    services = project(CITY)["services"]
    alone = {
        name
        for name, one in services.items()
        if "build" not in one and any(path.is_file() for path in mounted(one).values())
    }
    assert alone == set(steps[anew].named)


def test_renewed_certificates_reach_every_server_that_shows_one() -> None:
    text = section(CONTAINERS.read_text(encoding="utf-8"), "### Renewing certificates")
    (again,) = commands(CONTAINERS, text)
    services = project(CITY)["services"]
    showing = {
        name
        for name, one in services.items()
        if any(re.search(r"_(key|pem)$", given["source"]) for given in one.get("secrets", []))
    }
    assert (again.does, set(again.named)) == ("restart", showing)


def test_who_goes_back_does_not_migrate() -> None:
    text = section(CONTAINERS.read_text(encoding="utf-8"), "## Upgrading")
    (back,) = [one for one in commands(CONTAINERS, text) if "--no-build" in one.rest]
    services = project(DEMO, ("core",))["services"]
    ours = {name for name, one in services.items() if "build" in one}
    assert set(back.named) == ours - {"migrate", "topics"}
    assert "--no-deps" in back.rest

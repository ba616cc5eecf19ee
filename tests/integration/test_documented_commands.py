"""Every `cityhum` command that a page shows exists, with the options that it shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityhum.main import COMMANDS, loaded

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", flags=re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(cityhum [^`]+)`")
TYPED = re.compile(r"(?:^|[$;|&(] |\b[A-Z_]+=\S+ |sudo -u \w+ )\s*(cityhum .*)", flags=re.MULTILINE)
NAMES = {name for names in COMMANDS.values() for name in names}


def typed(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    yield from INLINE.findall(FENCED.sub("", text))
    for block in FENCED.findall(text):
        yield from TYPED.findall(block.replace("\\\n", " "))


def words_of(line: str) -> list[str]:
    """Words up to a comment, a pipe or the next command."""
    plain = re.split(r" # | \| | && | ; |[…\[>]", line)[0]
    try:
        return shlex.split(plain)[1:]
    except ValueError:  # one half of a quotation
        return plain.replace('"', " ").replace("'", " ").split()[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_the_page_exists(page: Path) -> None:
    for line in typed(page):
        words = words_of(line)
        if not words or words[0].startswith("-"):
            continue
        assert words[0] in NAMES, line
        command, known = loaded(words[0]), set[str]()
        known |= {name for one in command.params for name in one.opts}
        for word in words[1:]:
            verbs = getattr(command, "commands", {})
            if word in verbs:
                command = verbs[word]
                known |= {name for one in command.params for name in one.opts}
            elif verbs and not command.invoke_without_command and not word.startswith("-"):
                assert word.isupper() or word in verbs, line
        shown = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert shown <= known | {"--help"}, line

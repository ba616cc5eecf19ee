"""Pages: every relative link leads somewhere, and every page can be found from the map."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCED = re.compile(r"^ *```.*?^ *```", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", flags=re.MULTILINE)


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of each link that stays in the repository."""
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings: small letters, hyphens, no punctuation, then counted."""
    found, seen = set(), Counter[str]()
    for heading in HEADING.findall(prose(page)):
        words = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"no {target}"
        if anchor:
            assert anchor in anchors(target), f"no #{anchor} in {target}"


def test_every_page_can_be_found_from_the_map() -> None:
    mapped = {target for target, _ in links(DOCS / "index.md")}
    pages = {page for page in PAGES if DOCS in page.parents and page.parent.name != "adr"}
    assert pages - {DOCS / "index.md"} <= mapped


def test_the_readme_leads_to_the_map() -> None:
    assert DOCS / "index.md" in {target for target, _ in links(ROOT / "README.md")}

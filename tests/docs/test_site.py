"""The built site requests nothing from another host, and its search finds words of the pages."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.documented import ROOT

LOADING = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
"""Attributes by tag whose address a browser opens by itself."""
ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:[a-z]+:)?//[^\"')]+)", re.IGNORECASE)


class Loaded(HTMLParser):
    """The addresses that a page makes a browser open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v for name, v in attrs if v and name == LOADING.get(tag)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True)
    return folder


def _read(site: Path, ending: str) -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in site.rglob(f"*{ending}"))


@pytest.mark.slow
def test_no_page_opens_an_address_of_another_host(site: Path) -> None:
    pages = list(_read(site, ".html"))
    opened = [address for page in pages for address in Loaded(page).addresses]
    assert len(pages) > 40
    assert any(address.endswith(".css") for address in opened)
    assert [address for address in opened if ELSEWHERE.match(address)] == []
    assert [found for style in _read(site, ".css") for found in IN_STYLES.findall(style)] == []
    # Material's script fetches Mermaid for such blocks, and for nothing else.
    assert [page for page in pages if 'class="mermaid"' in page] == []


@pytest.mark.slow
def test_the_search_finds_what_the_pages_say(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {doc["location"] for doc in index["docs"] if "EVALBOARD_KEEP_RUNS_DAYS" in doc["text"]}
    assert "settings.html" in {location.partition("#")[0] for location in found}

"""The code blocks of README and docs, and what their marks say.

A block of commands (`sh`) has a mark above it that no page shows:

    <!-- run by tests/cli/test_submit.py -->
    <!-- not run: it needs a GPU -->
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "infra").rglob("*.md"),
    )
    if not path.is_symlink()
)
RUN_BY = re.compile(r"<!-- run by (tests/[\w/]+\.py)(?:::(\w+))? -->")
NOT_RUN = re.compile(r"<!-- not run: \S.{9,} -->", re.DOTALL)
ASSIGNMENT = re.compile(r"^\w+=")
TO_WRITE = re.compile(r"\bWrite\s+`([^`]+)`:$")


class Block(NamedTuple):
    """A code block of a page."""

    page: Path
    line: int
    language: str
    """Empty for an indented block."""
    content: str
    mark: str
    """The comment directly above it, if any."""
    file: str
    """Name of the file that the page has the reader write, if any."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its commands, one on each line."""
        lines = re.sub(r"\\\n\s*", "", self.content).splitlines()
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks() -> Iterator[Block]:
    """Give the blocks of all pages."""
    for page in PAGES:
        yield from blocks_of(page)


def blocks_of(page: Path) -> Iterator[Block]:
    """Give the blocks of one page in their order."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    for before, token in zip([Token("", "", 0), *tokens], tokens, strict=False):
        if token.type in ("fence", "code_block"):
            text = _text_before(tokens, token)
            written = TO_WRITE.search(text)
            yield Block(
                page=page,
                line=(token.map or [0])[0] + 1,
                language=token.info.strip(),
                content=token.content,
                mark=before.content.strip() if before.type == "html_block" else "",
                file=written[1] if written else "",
            )


def inline_code(page: Path) -> Iterator[str]:
    """Give the texts in backquotes of a page."""
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def words_of(command: str) -> list[str]:
    """Return the words of a command, without settings before it and a comment after it."""
    words = shlex.split(command, comments=True)
    while words and (ASSIGNMENT.match(words[0]) or words[0] in ("srun", "export", "$")):
        words = words[1:]
    return words


def _text_before(tokens: list[Token], token: Token) -> str:
    texts = [t.content for t in tokens[: tokens.index(token)] if t.type == "inline"]
    return texts[-1] if texts else ""

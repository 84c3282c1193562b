"""Markdown of tables and of texts that come from code."""

import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- `make reference` writes this page from the code. -->"


def page(title: str, *parts: str) -> str:
    """Return a page of paragraphs, headings and tables."""
    return "\n\n".join([f"# {title}", NOTICE, *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose cells are Markdown."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Return a text on one line, without bars that would end a cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")


def prose(text: str) -> str:
    """Return a text of the code as Markdown that shows the same words.

    Code in reStructuredText or Markdown keeps its marks; `<` and `{` outside of it are escaped.
    """
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else p.replace("<", "&lt;") for p in parts)


def summary(docstring: str | None) -> str:
    """Return the first sentence of a docstring."""
    first = (docstring or "").strip().partition("\n\n")[0]
    return prose(cell(first)).replace(r"\|", "|")

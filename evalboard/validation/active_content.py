"""Find active content in a Markdown text, in bounded time."""

import re

from markdown_it import MarkdownIt

PARSED_CHARACTERS = 100_000
"""Code blocks are found up to here, which takes at most seconds. Few cards are as long."""
MAX_NESTING = 8
"""Depth of lists and quotes in which code blocks are found."""
_CODE_BLOCKS = frozenset({"fence", "code_block"})
_INLINE_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)[^\n]{1,300}?(?<!`)\1(?!`)")
_ACTIVE = (
    re.compile(r"<\s{0,9}(?:script|iframe|object|embed|applet|form|base|meta)\b[^<>]{0,80}", re.I),
    re.compile(r"<[a-z][^<>]{0,300}?[\s\"'/]on[a-z]{3,20}\s{0,9}=", re.I),
    re.compile(
        r"(?:=\s{0,9}[\"']?|\]\(|\]:)\s{0,9}(?:javascript|vbscript|data:text/html)\s{0,9}[:,;]",
        re.I,
    ),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_TAG = re.compile(r"<[a-z/!]", re.I)


def active_content(text: str) -> str:
    """Return the first HTML in a Markdown text that a browser would run or load, empty if none.

    Code blocks are shown and not run.
    """
    found = _first_active(_INLINE_CODE.sub("", text))
    # Most cards have none, and cost no parsing.
    return found and _first_active(_INLINE_CODE.sub("", _without_blocks(text)))


def control_character(text: str) -> str:
    """Return the first control character as its number, empty if there is none.

    Line ends, tabs and form feeds do not count.
    """
    found = _CONTROL.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""


def is_plain(text: str) -> bool:
    """Return whether a short text, such as a name, can be shown on a page: printable, no tags."""
    return text.isprintable() and not _TAG.search(text)


def _first_active(text: str) -> str:
    found = (pattern.search(text) for pattern in _ACTIVE)
    first = next((match for match in found if match), None)
    return first.group() if first else ""


def _without_blocks(text: str) -> str:
    """Return a Markdown text without its code blocks, indented and fenced ones."""
    lines = text.split("\n")
    # Only blocks are of interest; parsing what is in the paragraphs could take long.
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).disable("inline")
    for token in parser.parse(text[:PARSED_CHARACTERS]):
        if token.type in _CODE_BLOCKS and token.map:
            first, end = token.map
            lines[first:end] = [""] * (end - first)
    return "\n".join(lines)

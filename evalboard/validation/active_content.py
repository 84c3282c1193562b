"""Find active content in a text, in time linear in its length."""

import re

_INLINE_CODE = re.compile(r"`[^`\n]{1,300}`")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ACTIVE = (
    re.compile(r"<\s{0,9}(?:script|iframe|object|embed|applet|form|base|meta)\b[^<>]{0,80}", re.I),
    re.compile(r"<[a-z][^<>]{0,300}?[\s\"'/]on[a-z]{3,20}\s{0,9}=", re.I),
    re.compile(
        r"(?:=\s{0,9}[\"']?|\]\()\s{0,9}(?:javascript|vbscript|data:text/html)\s{0,9}[:,;]", re.I
    ),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_TAG = re.compile(r"<[a-z/!]", re.I)


def active_content(text: str) -> str:
    """Return the first HTML in a Markdown text that a browser would run or load, empty if none.

    Code blocks are shown and not run.
    """
    shown = _INLINE_CODE.sub("", _without_blocks(text))
    found = (pattern.search(shown) for pattern in _ACTIVE)
    first = next((match for match in found if match), None)
    return first.group() if first else ""


def control_character(text: str) -> str:
    """Return the first control character as its number, empty if there is none.

    Line ends, tabs and form feeds do not count.
    """
    found = _CONTROL.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""


def is_plain(text: str) -> bool:
    """Return whether a short text, such as a name, can be shown on a page: printable, no tags."""
    return text.isprintable() and not _TAG.search(text)


def _without_blocks(text: str) -> str:
    """Return a Markdown text without its fenced code blocks. A block without an end is text."""
    kept: list[str] = []
    block: list[str] = []
    fence = ""
    for line in text.split("\n"):
        start = _FENCE.match(line)
        if fence:
            block.append(line)
            if start and start.group(1).startswith(fence) and not line.strip(" `~"):
                block, fence = [], ""
        elif start:
            block, fence = [line], start.group(1)
        else:
            kept.append(line)
    return "\n".join([*kept, *block])

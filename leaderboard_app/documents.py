"""Long texts in Markdown: those in `texts/`, one file per language, and those of the suite."""

from collections.abc import Mapping
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard_app.language import DEFAULT

_TEXTS = Path(__file__).parent / "texts"
# Without HTML of the text's own; addresses such as javascript: are not made links.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def document(name: str, language: str, values: Mapping[str, str] | None = None) -> Markup:
    """Return a text from `texts/` as HTML, with `{name}` replaced by the value of that name.

    It is in English if the language does not have it.

    Raises:
        FileNotFoundError: There is no such text.
    """
    path = _TEXTS / language / f"{name}.md"
    content = (path if path.is_file() else _TEXTS / DEFAULT / f"{name}.md").read_text("utf-8")
    for place, value in (values or {}).items():
        content = content.replace(f"{{{place}}}", value)
    return markdown(content)


def markdown(text: str) -> Markup:
    """Return Markdown from any author as safe HTML."""
    return Markup(_MARKDOWN.render(text))

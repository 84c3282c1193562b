"""Long texts in Markdown: those of a language's file, and those of the suite."""

from collections.abc import Mapping

from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard_app.language import documents

# Without HTML of the text's own; addresses such as javascript: are not made links.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def document(name: str, language: str, values: Mapping[str, str] | None = None) -> Markup:
    """Return a long text as HTML, with `{name}` replaced by the value of that name.

    Raises:
        KeyError: There is no such text.
    """
    content = documents(language)[name]
    for place, value in (values or {}).items():
        content = content.replace(f"{{{place}}}", value)
    return markdown(content)


def markdown(text: str) -> Markup:
    """Return Markdown from any author as safe HTML."""
    return Markup(_MARKDOWN.render(text))

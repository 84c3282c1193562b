"""The page for programs: the board as a file, snippets, badges, feeds, and every address."""

import gradio as gr
from markupsafe import Markup

from leaderboard_app.documents import document
from leaderboard_app.language import language_of, mark
from leaderboard_app.pages import Viewer, render, show_header, show_html

TITLE, PATH = mark("Data"), "programs"


def build_page(viewer: Viewer) -> None:
    """Place the text. The addresses are drawn from `openapi.json` by `static/programs.js`."""
    show_header(viewer, TITLE, mark("Everything on these pages, for programs and other pages."))
    text = show_html("")

    def load(request: gr.Request) -> str:
        return programs_text(language_of(request), root=viewer.root)

    gr.on(None, load, outputs=text, api_visibility="private", show_progress="hidden")


def programs_text(language: str, *, root: str = "") -> str:
    """Return the page's text as HTML.

    Args:
        language: The reader's language.
        root: Relative address of the first board, empty on its own page.
    """
    text = document("programs", language, {"root": root})
    copied = text.replace("<pre>", Markup('<copy-text><pre tabindex="0">')).replace(
        "</pre>", Markup("</pre></copy-text>")
    )
    return render("programs.html", language, text=copied)

"""What the board is, how to read it, how to submit."""

import gradio as gr

from evalboard.errors import EvalboardError
from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, show_header
from leaderboard_app.text import about_text

TITLE, PATH = mark("About"), "about"


def build_page(viewer: Viewer) -> None:
    """Place the text; what it says of the benchmarks is read when the page is opened."""
    show_header(viewer, TITLE, mark("What the scores mean, and how to submit a model."))
    text = gr.Markdown(elem_classes="about")

    def load() -> str:
        try:
            return about_text(viewer.suite, viewer.board.current().meta)
        except EvalboardError:
            return about_text(viewer.suite, None)

    gr.on(None, load, outputs=text, api_visibility="private", show_progress="hidden")

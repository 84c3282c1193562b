"""The submit form, drawn by `static/submit.js`, which calls `api/`."""

import gradio as gr

from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType
from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, render, show_header, show_html

TITLE, PATH = mark("Submit"), "submit"


def build_page(viewer: Viewer) -> None:
    """Place the form, on a Space with the log-in button."""
    show_header(
        viewer,
        TITLE,
        mark(
            "Check reports all problems without submitting. Submit checks again and adds the "
            "model to the queue."
        ),
    )
    tickets = viewer.tickets
    if tickets is None:
        show_html(form_html())
        return
    # Gradio's icon would be a file, whose address names a folder of this machine.
    gr.LoginButton(icon=None, elem_classes="login")
    form = show_html("")

    def load(profile: gr.OAuthProfile | None) -> str:
        if profile is None:
            return form_html(must_log_in=True)
        return form_html(sender=profile.username, ticket=tickets.write(profile.username))

    gr.on(None, load, outputs=form, api_visibility="private", show_progress="hidden")


def form_html(*, must_log_in: bool = False, sender: str = "", ticket: str = "") -> str:
    """Return the form as HTML.

    Args:
        must_log_in: Whether the reader must log in to submit a model.
        sender: Name of the account, empty if people type their name.
        ticket: Proof of the account.
    """
    return render(
        "submit.html",
        choices={
            "precisions": list(Precision),
            "types": [[member.value, member.sign] for member in ModelType],
            "weights": list(WeightType),
        },
        must_log_in=must_log_in,
        sender=sender,
        ticket=ticket,
    )

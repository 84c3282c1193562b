"""The submit form, drawn by `static/submit.js`, which calls `api/`."""

from collections.abc import Sequence
from typing import cast

import gradio as gr
from fastapi import Request
from gradio.context import get_blocks_context

from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType
from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, render, show_header, show_html
from leaderboard_app.submissions import user_of

TITLE, PATH = mark("Submit"), "submit"
_TARGET = "_target_url="
"""Before the address to which Gradio's addresses of the log-in lead back."""


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
    suites = suite_choices(viewer)
    if viewer.settings.viewer_user_header:
        _place_users_form(suites)
        return
    if tickets is None:
        show_html(form_html(suites))
        return
    # Gradio's icon would be a file, whose address names a folder of this machine.
    gr.LoginButton(icon=None, elem_classes="login")
    _lead_back_to(viewer.prefix)
    form = show_html("")

    def load(profile: gr.OAuthProfile | None) -> str:
        if profile is None:
            return form_html(suites, must_log_in=True)
        ticket = tickets.write(profile.username)
        return form_html(suites, sender=profile.username, ticket=ticket)

    gr.on(None, load, outputs=form, api_visibility="private", show_progress="hidden")


def _lead_back_to(prefix: str) -> None:
    """Let the log-in button lead back to this page of the board. Gradio knows no address before its own.

    Args:
        prefix: Path of the board, empty for the first one.
    """
    blocks = get_blocks_context()
    assert blocks
    for function in blocks.fns.values():
        if isinstance(function.js, str):
            function.js = function.js.replace(f"{_TARGET}/{PATH}", f"{_TARGET}{prefix}/{PATH}")


def _place_users_form(suites: Sequence[tuple[str, str, bool]]) -> None:
    """Place the form of the user whom the proxy has logged in."""
    form = show_html("")

    def load(request: gr.Request) -> str:
        user = user_of(cast(Request, request.request))
        return form_html(suites, sender=user, must_log_in=not user)

    gr.on(None, load, outputs=form, api_visibility="private", show_progress="hidden")


def suite_choices(viewer: Viewer) -> list[tuple[str, str, bool]]:
    """Return name and title of the suites to choose from, and whether it is the page's own.

    A single board leaves no choice.
    """
    boards = viewer.boards if len(viewer.boards) > 1 else ()
    return [
        (board.suite.name, board.suite.title, board.folder == viewer.folder) for board in boards
    ]


def form_html(
    suites: Sequence[tuple[str, str, bool]] = (),
    *,
    must_log_in: bool = False,
    sender: str = "",
    ticket: str = "",
) -> str:
    """Return the form as HTML.

    Args:
        suites: As `suite_choices` returns them.
        must_log_in: Whether the reader must log in to submit a model.
        sender: Name of the account, empty if people type their name.
        ticket: Proof of the account.
    """
    return render(
        "submit.html",
        choices={
            "precisions": list(Precision),
            "types": [member.value for member in ModelType],
            "weights": list(WeightType),
            "suites": list(suites),
        },
        must_log_in=must_log_in,
        sender=sender,
        ticket=ticket,
    )

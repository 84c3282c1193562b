"""The details of one model: scores with intervals, and where they come from."""

import re
from typing import Any

import gradio as gr

from evalboard.errors import EvalboardError
from evalboard.records.request import ModelType
from evalboard.records.table import BoardMeta
from leaderboard_app.board_data import Board
from leaderboard_app.pages import Viewer, render, show_header, show_html
from leaderboard_app.table import address_of, find_rows, hub_url, matches
from leaderboard_app.text import BOARD_UNREADABLE

TITLE, PATH = "Model", "model"

_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ")
_PROVENANCE = (
    ("sha", "Commit"),
    ("precision", "Precision"),
    ("weight_type", "Weights"),
    ("base_model", "Base model"),
    ("architecture", "Architecture"),
    ("params_billion", "Parameters"),
    ("license", "Licence"),
    ("use_chat_template", "Chat template"),
    ("backend", "Backend"),
    ("lm_eval_version", "lm-eval"),
    ("submitted_time", "Submitted"),
    ("finished_time", "Evaluated"),
    ("sender", "Submitted by"),
    ("flags", "Flags"),
)


def build_page(viewer: Viewer) -> None:
    """Place the page's parts; the model is in the address."""
    show_header(viewer, TITLE)
    details = show_html("")

    def load(request: gr.Request) -> str:
        query = {name: str(value) for name, value in request.query_params.items()}
        try:
            return model_details(viewer.board.current(), query)
        except EvalboardError:
            return render("notice.html", heading="No board to show", text=BOARD_UNREADABLE)

    gr.on(None, load, outputs=details, api_visibility="private", show_progress="hidden")


def model_details(board: Board, query: dict[str, str]) -> str:
    """Return the page's content as HTML.

    Args:
        board: The published board.
        query: The address's parts: `id`, and `sha`, `precision`, `weights`, `chat` where a model
            was evaluated in several ways.
    """
    rows = find_rows(board.table, query.get("id", ""))
    fitting = [row for row in rows if matches(row, query)]
    if board.meta is None or not fitting:
        return render(
            "notice.html",
            heading="This model is not on the board",
            text="It may still be waiting: look at the queue. Or go back to the board and follow "
            "the 📄 of its row.",
        )
    row = fitting[0]
    model_type = ModelType.parse(str(row.get("model_type") or ""))
    return render(
        "model.html",
        row=row,
        sign=model_type.sign,
        model_type=model_type.value,
        hub=hub_url(row["model"], row["sha"]),
        scores=_scores(board.meta, row),
        n_complete=sum(rank is not None for rank in board.table.column("rank").to_pylist()),
        provenance=_provenance(row),
        others=[(address_of(other), other) for other in rows if other is not row],
    )


def _scores(meta: BoardMeta, row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "title": benchmark.title,
            "baseline": benchmark.baseline,
            "fewshot": benchmark.fewshot,
            "score": row[benchmark.key],
            **{
                name: row.get(f"{benchmark.key}__{name}") for name in ("stderr", "low", "high", "n")
            },
        }
        for benchmark in meta.benchmarks
        if benchmark.key in row
    ]


def _provenance(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return label and text of everything known; what is not known is left out."""
    known = []
    for name, label in _PROVENANCE:
        value = row.get(name)
        if value is None or value in ("", []):
            continue
        known.append((label, _text(name, value)))
    return known


def format_time(stamp: str) -> str:
    """Return a UTC time stamp as `2026-11-21 10:00 UTC`; other texts as they are."""
    parts = _STAMP.fullmatch(stamp)
    return f"{parts[1]} {parts[2]} UTC" if parts else stamp


def _text(name: str, value: Any) -> str:
    if name == "params_billion":
        return f"{value:.3g} billion" if value >= 1 else f"{value * 1000:.3g} million"
    if name in ("submitted_time", "finished_time"):
        return format_time(str(value))
    if isinstance(value, bool):
        return "used" if value else "not used"
    if isinstance(value, list):
        return ", ".join(str(item).replace("_", " ") for item in value)
    return str(value)

"""Charts over the whole board, drawn by Gradio's own bundle of Plotly."""

import json
from threading import Lock
from typing import Any, NamedTuple

import gradio as gr
from cachetools import LRUCache, cached
from gradio.components.plot import PlotData

from evalboard.errors import EvalboardError
from evalboard.records.board_files import BoardMeta
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.figures import (
    AVERAGE,
    Figure,
    correlation_figure,
    score_titles,
    size_figure,
    subject_figure,
    time_figure,
)
from leaderboard_app.language import language_of, mark, t
from leaderboard_app.pages import Viewer, render, show_header, show_html
from leaderboard_app.text import BOARD_UNREADABLE

TITLE, PATH = mark("Analysis"), "analysis"
LEAD = mark("What the scores show together: size, time and related benchmarks.")

SECTIONS = (
    (
        mark("Score and size"),
        mark(
            "Each point is a model. No smaller model scores higher than those on the dotted "
            "line (Pareto front)."
        ),
    ),
    (
        mark("Score over time"),
        mark("By time of submission. The dotted line shows the record at each time."),
    ),
    (
        mark("Related benchmarks"),
        mark(
            "Pearson's correlation over all models. 1 means that two benchmarks rank models alike."
        ),
    ),
    (
        mark("Scores by subject"),
        mark("The best models on the board. A darker colour is a lower score."),
    ),
)
KEPT_PLOTS = 8
"""Number of choices whose charts are kept. Those of 10,000 models have some megabytes."""
SCATTERS = 2
"""Sections before the heat maps, which need a width that phones do not have."""
# Which score is shown stands in the address, so that a link shows the same charts.
_KEEP_IN_ADDRESS = """(score, group) => {
  const address = new URL(location.href);
  address.searchParams.set("score", score);
  if (group) address.searchParams.set("group", group);
  history.replaceState(history.state, "", address);
  return [score, group];
}"""


class _Chosen(NamedTuple):
    score: str
    """Column of the board."""
    group: str
    """Key of a group, or `average` for the benchmarks themselves."""


def build_page(viewer: Viewer) -> None:
    """Place the charts, which are drawn when the page is opened."""
    show_header(viewer, TITLE, LEAD)
    problem = show_html("")
    score = gr.Dropdown([], show_label=True, visible=False, elem_id="score")
    heads: list[gr.HTML] = []
    plots: list[gr.Plot] = []
    for _ in range(len(SECTIONS) - 1):
        heads.append(show_html("", elem_classes="analysis"))
        plots.append(_place_plot(wide=len(plots) >= SCATTERS))
    heads.append(show_html("", elem_classes="analysis"))
    group = gr.Dropdown([], show_label=True, visible=False, elem_id="group")
    plots.append(_place_plot(wide=True))

    def load(request: gr.Request) -> list[Any]:
        return _opened(viewer, request)

    def draw(score: str | None, group: str | None, request: gr.Request) -> list[Any]:
        try:
            board = viewer.board.current()
        except EvalboardError:
            return [gr.skip()] * len(SECTIONS)
        if board.meta is None:
            return [None] * len(SECTIONS)
        chosen = _choose(board.meta, score or "", group or "")
        return list(_plots(board, chosen, language_of(request)))

    # What is not among the choices is as no choice: `_choose` says so, not Gradio.
    quiet: dict[str, Any] = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "preprocess": False,
    }
    gr.on(None, load, outputs=[problem, score, group, *heads, *plots], **quiet)
    for chooser in (score, group):
        chooser.input(draw, [score, group], plots, js=_KEEP_IN_ADDRESS, **quiet)


def _place_plot(*, wide: bool) -> gr.Plot:
    classes = ["analysis-plot", "wide"] if wide else ["analysis-plot"]
    return gr.Plot(show_label=False, container=False, elem_classes=classes)


def _opened(viewer: Viewer, request: gr.Request) -> list[Any]:
    """Return the page's initial content: a notice, the two choices, headings and charts."""
    language = language_of(request)
    nothing = [gr.skip()] * (2 + 2 * len(SECTIONS))
    try:
        board = viewer.board.current()
    except EvalboardError:
        heading = t("The board cannot be shown", language)
        return [
            render("notice.html", language, heading=heading, text=t(BOARD_UNREADABLE, language)),
            *nothing,
        ]
    if board.meta is None or not board.table.num_rows:
        heading, text = (
            t("No model on the board yet", language),
            t("The charts appear when the first model is on the board.", language),
        )
        return [render("notice.html", language, heading=heading, text=text), *nothing]
    asked = request.query_params
    chosen = _choose(board.meta, str(asked.get("score", "")), str(asked.get("group", "")))
    return [
        "",
        gr.Dropdown(
            score_titles(board.meta, language),
            value=chosen.score,
            label=t("Score in the first two charts", language),
            visible=True,
        ),
        _group_choice(board.meta, chosen, language),
        *(render("section.html", language, heading=head, text=text) for head, text in SECTIONS),
        *_plots(board, chosen, language),
    ]


def _group_choice(meta: BoardMeta, chosen: _Chosen, language: str) -> gr.Dropdown:
    groups = [
        (benchmark.title, benchmark.key) for benchmark in meta.benchmarks if benchmark.subjects
    ]
    return gr.Dropdown(
        [(t("All benchmarks", language), AVERAGE), *groups],
        value=chosen.group,
        label=t("Subjects of", language),
        visible=bool(groups),
    )


def _choose(meta: BoardMeta, score: str, group: str) -> _Chosen:
    """Return the requested choice if the board has it, otherwise the average and all benchmarks."""
    keys = [benchmark.key for benchmark in meta.benchmarks]
    groups = [benchmark.key for benchmark in meta.benchmarks if benchmark.subjects]
    return _Chosen(score if score in keys else AVERAGE, group if group in groups else AVERAGE)


def _key(board: RankedBoard, chosen: _Chosen, language: str) -> tuple[str, _Chosen, str]:
    return board.document.etag, chosen, language


@cached(LRUCache(KEPT_PLOTS), key=_key, lock=Lock())
def _plots(board: RankedBoard, chosen: _Chosen, language: str) -> tuple[PlotData, ...]:
    if board.meta is None:
        return ()
    figures: list[Figure] = [
        size_figure(board.meta, board.table, chosen.score, language),
        time_figure(board.meta, board.table, chosen.score, language),
        correlation_figure(board.meta, board.table, language),
        subject_figure(board.meta, board.table, chosen.group, language),
    ]
    return tuple(_plot(figure) for figure in figures)


def _plot(figure: Figure) -> PlotData:
    return PlotData(type="plotly", plot=json.dumps(figure, allow_nan=False))

"""The About page: the board, how to read it, how to submit."""

from collections.abc import Iterable
from typing import NamedTuple

import gradio as gr

from evalboard.errors import EvalboardError
from evalboard.records.board_files import BoardMeta
from evalboard.records.request import ModelType
from evalboard.suites.model import Suite
from evalboard.suites.texts import in_language
from leaderboard_app.documents import document, markdown
from leaderboard_app.language import language_of, mark
from leaderboard_app.pages import Viewer, render, show_header, show_html

TITLE, PATH = mark("About"), "about"


class BenchmarkText(NamedTuple):
    """The page's description of one benchmark."""

    title: str
    questions: int | None
    fewshot: int
    metric: str
    guessing: float
    """Percent."""
    tests: str
    origin: str
    link: str
    license: str


def build_page(viewer: Viewer) -> None:
    """Place the text. The benchmarks' data is read when the page is opened."""
    show_header(viewer, TITLE, mark("What the scores mean, and how to submit a model."))
    text = show_html("")

    def load(request: gr.Request) -> str:
        try:
            meta = viewer.board.current().meta
        except EvalboardError:
            meta = None
        return about_text(viewer.suite, meta, language_of(request))

    gr.on(None, load, outputs=text, api_visibility="private", show_progress="hidden")


def about_text(suite: Suite, meta: BoardMeta | None, language: str) -> str:
    """Return the page's text as HTML.

    Args:
        suite: The board's suite.
        meta: The published board with the numbers of questions, None before the first one.
        language: The reader's language.
    """
    faq = [
        (in_language(asked.question, language), markdown(in_language(asked.answer, language)))
        for asked in suite.faq
    ]
    names = ("reading", "flags", "working", "submitting", "questions", "programs")
    return render(
        "about.html",
        language,
        purpose=markdown(in_language(suite.about, language)),
        benchmarks=list(_benchmarks(suite, meta, language)),
        documents={name: document(name, language) for name in names},
        reproducing=document("reproducing", language, {"suite": suite.name}),
        model_types=[(member.sign, member.value) for member in ModelType],
        faq=faq,
        citation=suite.citation,
    )


def _benchmarks(suite: Suite, meta: BoardMeta | None, language: str) -> Iterable[BenchmarkText]:
    counted = {column.key: column.n for column in meta.benchmarks} if meta else {}
    for benchmark in suite.benchmarks:
        about = benchmark.about
        yield BenchmarkText(
            title=benchmark.title,
            questions=counted.get(benchmark.key) or about.questions,
            fewshot=benchmark.num_fewshot,
            metric=benchmark.metric.partition(",")[0],
            guessing=100 * benchmark.baseline,
            tests=in_language(about.tests, language),
            origin=about.origin,
            link=about.link,
            license=about.license,
        )

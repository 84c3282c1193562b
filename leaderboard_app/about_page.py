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
from leaderboard_app.language import language_of, mark, t
from leaderboard_app.pages import Viewer, render, show_header, show_html

TITLE, PATH = mark("About"), "about"
ANSWERS = {"choices": mark("ranked choices"), "words": mark("in words")}


class BenchmarkText(NamedTuple):
    """The page's description of one benchmark."""

    title: str
    questions: int | None
    fewshot: int
    metric: str
    answers: str
    """How models answer; empty where the suite does not say it."""
    guessing: float
    """Percent."""
    share: float
    """Of the average, in percent."""
    heading: str
    """What its group tests, above the first benchmark of a group that says it."""
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
    names = ("flags", "working", "submitting", "questions")
    return render(
        "about.html",
        language,
        purpose=markdown(in_language(suite.about, language)),
        benchmarks=list(_benchmarks(suite, meta, language)),
        documents={name: document(name, language) for name in names},
        reading=document("reading", language, {"average": average_text(suite, language)}),
        reproducing=document("reproducing", language, {"suite": suite.name}),
        model_types=[member.value for member in ModelType],
        faq=faq,
        citation=suite.citation,
    )


def average_text(suite: Suite, language: str) -> str:
    """Return how the suite makes the average of a model and what a rank needs, in Markdown."""
    weights = suite.weights.values()
    alike = len(set(weights)) == 1
    if suite.average.of == "groups":
        kind = mark(
            "**Average** is the mean of the groups of columns, and each group's score is the mean of "
            "its benchmarks; the table above shows the share of each benchmark."
        )
    elif alike:
        kind = mark(
            "**Average** is the unweighted mean of the benchmarks: each benchmark counts the same, "
            "whatever its number of questions."
        )
    else:
        kind = mark(
            "**Average** is the weighted mean of the benchmarks; the table above shows the share of "
            "each."
        )
    sentences = [t(kind, language)]
    if suite.average.scores == "normalised":
        sentences.append(t("It is made of normalised scores.", language))
    if not all(weights):
        sentences.append(t("Benchmarks without a share are only shown.", language))
    needs = {
        "all": mark("A model has a rank if it has a score for every benchmark."),
        "averaged": mark(
            "A model has a rank if it has a score for every benchmark with a share of the average."
        ),
    }
    sentences.append(t(needs[suite.ranked.needs], language))
    if suite.ranked.without:
        marks = ", ".join(f"*{flag.replace('_', ' ')}*" for flag in suite.ranked.without)
        words = t("A model with one of these marks has no rank: {marks}.", language, marks=marks)
        sentences.append(words)
    return " ".join(sentences)


def _benchmarks(suite: Suite, meta: BoardMeta | None, language: str) -> Iterable[BenchmarkText]:
    counted = {column.key: column.n for column in meta.benchmarks} if meta else {}
    headings = {
        group.title: f"{group.title}: {tests}"
        for group in suite.groups
        if (tests := in_language(group.tests, language))
    }
    for benchmark, share in zip(suite.benchmarks, suite.shares, strict=True):
        about = benchmark.about
        yield BenchmarkText(
            title=benchmark.title,
            questions=counted.get(benchmark.key) or about.questions,
            fewshot=benchmark.num_fewshot,
            metric=benchmark.metric.partition(",")[0],
            answers=t(ANSWERS[benchmark.answers], language) if benchmark.answers else "",
            guessing=100 * benchmark.baseline,
            share=100 * share,
            heading=headings.pop(benchmark.group, ""),
            tests=in_language(about.tests, language),
            origin=about.origin,
            link=about.link,
            license=about.license,
        )

"""A chat model that thinks, from the queue to the page: its share of one letter, and the five states.

It is loaded once for its answers in words and its log-likelihoods.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from evalboard.bench.cutting import cut
from evalboard.cli.queue_round import work
from evalboard.engine.placing import placement
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from tests.engine.benchmarks.test_open_medical_cot import DATA_SETS, prompt_of
from tests.leaderboard_app.browsing import browse, chromium
from tests.leaderboard_app.serving import build_app, serving
from tests.model_folders import CARD
from tests.thinkers import write_chains

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SUITES = ("open-medical-cot", "open-medical")
X = "B"
ROWS = 12
CHAINS: dict[str, tuple[str, ...]] = {
    "read": ("<|read|>", "<think>A fits less.", " So do C and D.", "</think>", f"\n\nAnswer: {X}"),
    "refused": ("<|refused|>", "<think>Hm.</think>\nI cannot provide medical advice."),
    "unreadable": ("<|two|>", "<think>Two.</think>\nAnswer: A or", " B"),
    "unfinished": ("<|cut|>", f"<think>Perhaps {X}.", f" Answer: {X}!"),
    "empty": ("<|empty|>", "<think>Nothing to say.</think>", "\n"),
}
POINTS = re.compile(r"^[+−]?[0-9]+\.[0-9]$")
"""Difference to the scores by log-likelihood."""
TEMPLATE = (
    "{{ messages[0].content }}{% if enable_thinking %}"
    "{{ STARTS[messages[0].content | length % 5] }}{% endif %}"
)


def state_of(prompt: str) -> str:
    return list(CHAINS)[len(prompt) % len(CHAINS)]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a folder with `test/thinker`."""
    starts = [chain[0] for chain in CHAINS.values()]
    folder = write_chains(
        tmp_path / "models" / "test" / "thinker",
        list(CHAINS.values()),
        template=TEMPLATE.replace("STARTS", json.dumps(starts)),
        context=16_384,
        sharpness=10,
    )
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return tmp_path / "models"


class Known(NamedTuple):
    """What a model answers to one data set."""

    share: float
    """Of the right answers, in [0, 1]."""
    states: list[str]
    """Of the answers, by question."""


def known_of(questions: Path) -> dict[str, Known]:
    """Count, by benchmark, what the model answers: the length of a prompt decides it."""
    found: dict[str, Known] = {}
    for key, data_set in DATA_SETS.items():
        rows = pq.read_table(questions / data_set.file).to_pylist()
        states = [state_of(prompt_of(data_set, row)) for row in rows]
        right = [
            state == "read" and data_set.right(row) == "ABCD".index(X)
            for state, row in zip(states, rows, strict=True)
        ]
        found[key] = Known(sum(right) / ROWS, states)
    return found


@pytest.mark.parametrize("backend", ["hf", "vllm"])
@pytest.mark.usefixtures("prefect_server")
def test_its_share_of_x_and_the_states_of_its_answers_on_all_nine_sets(
    backend: str, configure: Callable[..., Settings], real_datasets: Path, tmp_path: Path
) -> None:
    files = [real_datasets / data_set.file for data_set in DATA_SETS.values()]
    cut(files, real_datasets, tmp_path / "questions", rows=ROWS)
    known = known_of(tmp_path / "questions")
    assert {state for each in known.values() for state in each.states} == set(CHAINS)
    settings = configure(
        suite="open-medical-cot",
        suites="open-medical",
        datasets=tmp_path / "questions",
        backend=backend,
        max_running=1,
    )
    submission = Submission(
        model="test/thinker",
        precision=Precision.FLOAT32,
        use_chat_template=True,
        enable_thinking=True,
        think_end_token="</think>",
    )
    for suite in SUITES:
        submit(submission.model_copy(update={"suite": suite}), settings)
    with placement.one_run_at_a_time():
        assert [ended.status for ended in work(settings)] == [Status.FINISHED] * len(SUITES)

    documents = {each.evalboard.suite: each for each in open_archive(settings).read().documents}
    loads = [documents[suite].evalboard.seconds.load for suite in SUITES]
    assert [load > 0 for load in sorted(loads)] == [False, True]
    document = documents["open-medical-cot"]
    assert set(document.evalboard.readers) == set(DATA_SETS)
    for key, (share, states) in known.items():
        found = document.results[key]
        assert found["acc,none"] == found["strict_acc,none"] == pytest.approx(share)
        counted = {state: round(found[f"{state},none"] * ROWS) for state in CHAINS}
        assert Counter(counted) == Counter(states)
        asked = document.configs[key]["generation_kwargs"]
        assert (asked["max_gen_toks"], asked["temperature"]) == (8192, 0.6)
    with (
        serving(build_app(settings)) as address,
        chromium() as browser,
        browse(browser, address, locale="en-GB") as page,
    ):
        expect_on_the_board(page, known)
        expect_on_the_models_page(page, known)


def expect_on_the_board(page: Page, known: Mapping[str, Known]) -> None:
    page.goto("/")
    row = page.locator("board-table tbody tr[data-place]")
    expect(row.locator(".name")).to_have_text("test/thinker")
    for key, (share, _) in known.items():
        shown = re.compile(rf"^{100 * share:.1f} ")
        row.locator(f"td.{key}").scroll_into_view_if_needed()
        expect(row.locator(f"td.{key}")).to_have_text(shown)
    page.get_by_role("link", name="test/thinker", exact=True).click()


def expect_on_the_models_page(page: Page, known: Mapping[str, Known]) -> None:
    shown = page.locator("model-page .in-words tbody tr")
    expect(shown).to_have_count(len(known))
    heads = page.locator("model-page .in-words thead th").all_inner_texts()
    for key, (share, states) in known.items():
        row = page.locator(f"model-page .in-words tr[data-key={key}]")
        told = {
            "Read": f"{100 * states.count('read') / ROWS:.1f}",
            "Unfinished": f"{100 * states.count('unfinished') / ROWS:.1f}",
            "Strict accuracy": f"{100 * share:.2f}",
            "Difference to log-likelihood": POINTS,
        }
        for head, text in told.items():
            cell = row.locator(f":is(th, td):nth-child({heads.index(head) + 1})")
            expect(cell).to_have_text(text)
    for key, (_, states) in known.items():
        page.locator("question-browser select").first.select_option(key)
        questions = page.locator("question-browser .question")
        expect(questions.filter(has_text="Read as")).to_have_count(ROWS)
        said = [X if state == "read" else state for state in states]
        texts = [re.compile(rf"^Read as {each}\b") for each in said]
        expect(questions.locator(".outputs p", has_text="Read as")).to_have_text(texts)

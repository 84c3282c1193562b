"""The texts of the board."""

from collections.abc import Iterable

from evalboard.records.request import ModelType
from evalboard.records.table import BenchmarkColumn, BoardMeta
from evalboard.suites.model import Suite

BOARD_UNREADABLE = (
    "The board's data cannot be read just now. Whoever runs this board finds the reason in the "
    "viewer's log."
)

_READING = """
## How to read the board

**A score** is the share of questions that a model answered as the benchmark's key does, in percent.
Where a question has choices, the model writes nothing: each choice is appended to the question, and
the one that the model finds most probable (the highest log-likelihood) counts as its answer.
*Shots* are solved examples that it sees first; 0 means none.

**±** is the standard error: how far the score would typically move if other questions of the same
kind had been drawn. It says nothing about other sources of error, such as questions that were in
the training data.

**The 95 % interval** on a model's page is a Wilson score interval, and that of a mean over subjects
the normal approximation. Two models whose intervals overlap widely are not told apart by that
benchmark, whatever their order on the board.

**Average** is the unweighted mean of the benchmarks: each counts the same, however many questions
it has. A model is **complete** when it has a score for every benchmark. One that lacks some is
marked, stands below the complete ones and has no rank, because its average is not over the same
questions. A missing score is shown as —.

**Guessing** is the score of picking a choice at random. A score near it shows no knowledge.

A score belongs to one commit of a model, one precision and one way of prompting; the 📄 beside a
model shows them, with the versions of the software that was used.

**Marks** beside a name say that its scores were not all made like those of the other rows:
*other questions*, *other task version* and *other backend version* differ from what most rows have;
*mixed …* means that the row's own scores differ in this from each other. Compare such rows with
care.

A high score means that a model chooses answers to exam questions well. It does not mean that the
model is safe or useful for patients.
"""

_SUBMITTING = """
## How to submit

1. The model must load with the *AutoClasses* of transformers (`AutoConfig`, `AutoTokenizer`,
   `AutoModelForCausalLM`) without code from its repository.
2. Its weights must be *safetensors*.
3. Its repository must have a *licence* and a *model card*.

Then open [Submit](submit), enter the model and press **Check**: it lists everything that would
stand in the way, and what to do about it. **Submit** checks again and puts the model into the
[queue](queue). The revision is pinned to its commit at that moment; a later push is another
submission. Choose *as stored* as precision unless you want to measure another one.

A submission that was **rejected** did not pass the checks; one that **failed** met an error while
it was evaluated. The queue gives the reason of both.
"""


def about_text(suite: Suite, meta: BoardMeta | None) -> str:
    """Return the About page in Markdown.

    Args:
        suite: The board's suite.
        meta: The published board, which knows the number of questions; None before the first one.
    """
    benchmarks = meta.benchmarks if meta else _of_suite(suite)
    return "\n".join(
        (suite.about, _benchmark_table(benchmarks), _READING, _model_types(), _SUBMITTING)
    )


def _of_suite(suite: Suite) -> Iterable[BenchmarkColumn]:
    return (
        BenchmarkColumn(
            key=benchmark.key,
            title=benchmark.title,
            fewshot=benchmark.num_fewshot,
            metric=benchmark.metric,
            baseline=benchmark.baseline,
        )
        for benchmark in suite.benchmarks
    )


def _benchmark_table(benchmarks: Iterable[BenchmarkColumn]) -> str:
    rows = [
        f"| {_cell(b.title)} | {'' if b.n is None else format(b.n, ',')} | {b.fewshot} "
        f"| {_cell(b.metric.partition(',')[0])} | {100 * b.baseline:.1f} |"
        for b in benchmarks
    ]
    head = "| Benchmark | Questions | Shots | Metric | Guessing |\n|---|--:|--:|---|--:|"
    return "\n".join(("\n## The benchmarks\n", head, *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _model_types() -> str:
    rows = [f"| {member.sign} | {member.value} |" for member in ModelType]
    return "\n".join(("## Model types\n", "| Sign | Type |\n|---|---|", *rows))

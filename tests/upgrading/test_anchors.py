"""Which rows are asked again after an upgrade."""

import pytest

from evalboard.board.harnesses import Harnesses
from evalboard.board.rows import Row
from evalboard.board.scores import Origin, Score
from evalboard.errors import ConfigError
from evalboard.identity import RowIdentity
from evalboard.records.result import ModelConfig
from evalboard.records.verdict import Verdict, Versions
from evalboard.suites.model import Benchmark, Suite
from evalboard.upgrading.anchors import choose_anchors

SUITE = Suite(
    name="two",
    title="Two",
    benchmarks=(Benchmark(key="easy", title="Easy"), Benchmark(key="hard", title="Hard")),
)


def versions(lm_eval: str, backend: str = "vllm") -> Versions:
    return Versions(backend=backend, backend_version="1", lm_eval=lm_eval)


def row(
    model: str, score: float, size: float, lm_eval: str = "old", keys: str = "easy hard"
) -> Row:
    origin = Origin("1", "hash", "questions", "vllm", "1", lm_eval, "", None)
    config = ModelConfig(
        model_name=model,
        model_sha="a",
        model_dtype="float32",
        params_billion=size,
        backend="vllm",
        backend_version="1",
        lm_eval_version=lm_eval,
    )
    scores = {key: Score(score, None, 100, origin) for key in keys.split()}
    identity = RowIdentity(model, "a", "float32", "Original", False, False)
    return Row(identity, config, "", scores, [], score, None, None, True, True)


def chosen(rows: list[Row], *verdicts: Verdict, models: tuple[str, ...] = (), number: int = 2):
    found = choose_anchors(
        rows,
        SUITE,
        Harnesses(verdicts, SUITE.name),
        lambda backend: versions("new", backend),
        benchmarks=["easy", "hard"],
        models=models,
        number=number,
    )
    return [(one.row.identity.model, one.old.lm_eval, one.benchmarks) for one in found]


ROWS = [
    row("org/best", 0.9, 70),
    row("org/good", 0.8, 7),
    row("org/low", 0.2, 8),
    row("org/lowest", 0.1, 1),
    row("org/part", 0.1, 0.1, keys="easy"),
    row("org/new", 0.1, 0.1, "new"),
]
BOTH = ("easy", "hard")


def test_small_models_of_all_parts_of_the_board() -> None:
    assert chosen(ROWS) == [("org/lowest", "old", BOTH), ("org/good", "old", BOTH)]
    assert [name for name, *_ in chosen(ROWS, number=9)] == [
        "org/lowest",
        "org/low",
        "org/good",
        "org/best",
    ]


def test_each_old_version_has_its_own() -> None:
    rows = [*ROWS, row("org/older", 0.3, 3, "older")]
    assert chosen(rows)[2:] == [("org/older", "older", BOTH)]


def test_what_a_verdict_joins_is_not_asked_again() -> None:
    verdict = Verdict(
        suite="two", benchmark="easy", old=versions("old"), new=versions("new"), compares=True,
        models=(), questions=1, different=0, largest_difference=0, points=0, low=0, high=0, margin=1,
    )  # fmt: skip
    assert {keys for *_, keys in chosen(ROWS, verdict)} == {("hard",)}


def test_named_rows_are_the_anchors() -> None:
    assert chosen(ROWS, models=("org/best", "org/new")) == [("org/best", "old", BOTH)]
    with pytest.raises(ConfigError, match="no row"):
        chosen(ROWS, models=("org/unknown",))

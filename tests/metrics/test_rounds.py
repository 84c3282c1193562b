"""Figures of questions that are asked several times, against a plain count over the same answers."""

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from evalboard.board.flags import flags_of_orders
from evalboard.metrics.rounds import repeated_metrics, robustness_of
from evalboard.records.answers import Answers
from evalboard.records.earned import compact
from evalboard.records.parquet import parquet_file
from evalboard.records.robustness import Robustness, mean_of, robustness
from evalboard.suites.model import Benchmark

LETTERS = "ABCD"
ORDERS = Benchmark(key="s", title="S", tasks=("s_0", "s_1", "s_2", "s_3"), robustness="orders")
TRANSLATIONS = Benchmark(
    key="s", title="S", tasks=("s_0", "s_1", "s_2", "s_3"), robustness="translations"
)
REPEATS = Benchmark(key="s", title="S", tasks=("s_0", "s_1", "s_2"), robustness="repeats")


def stored(chosen: Sequence[str], right: Sequence[str]) -> Answers:
    """Return answers, a text of letters for each round, and the right letters."""
    pairs = [(r, q) for r, texts in enumerate(chosen) for q in range(len(texts))]
    columns = {
        "question_id": [q for _, q in pairs],
        "doc_hash": [f"{r} {q}" for r, q in pairs],
        "subject": [f"s_{r}" for r, _ in pairs],
        "correct": [chosen[r][q] == right[r][q] for r, q in pairs],
        "target": [right[r][q] for r, q in pairs],
        "answer": [chosen[r][q] for r, q in pairs],
        "choices": [list(LETTERS)] * len(pairs),
    }
    return Answers.from_parquet(parquet_file(pa.table(columns)), path="a")


def turned(letters: str, order: int) -> str:
    """Return where choices at these letters are in an order."""
    return "".join(LETTERS[(LETTERS.index(letter) - order) % 4] for letter in letters)


RIGHT = [turned("ABBD", order) for order in range(4)]


def test_a_model_that_knows_its_answers_never_flips() -> None:
    known = [turned("ABCD", order) for order in range(4)]
    figures = robustness_of(ORDERS, stored(known, RIGHT))
    assert figures == Robustness(0.75, 0.0, 0.0, original_advantage=0.0)


def test_a_model_that_always_takes_a_flips_everywhere() -> None:
    figures = robustness_of(ORDERS, stored(["AAAA"] * 4, RIGHT))
    assert figures
    assert figures[:3] == (0.0, 1.0, 0.75)


def test_a_model_that_knows_the_order_by_heart_is_better_in_it() -> None:
    gold = "ABCD" * 25
    right = [turned(gold, order) for order in range(4)]
    learned = [gold, *(["A" * 100] * 3)]
    figures = robustness_of(ORDERS, stored(learned, right))
    expected = [1 - sum(right[o][q] == "A" for o in (1, 2, 3)) / 3 for q in range(100)]
    assert figures
    assert figures.original_advantage == pytest.approx(np.mean(expected))
    z = np.mean(expected) / stats.sem(expected)
    assert figures.original_z == pytest.approx(z)
    assert flags_of_orders(figures) == {"suspected_contamination"}
    assert flags_of_orders(Robustness(original_z=3.0)) == set()


def test_standard_errors_of_benchmarks_add_up_by_stouffer() -> None:
    found = mean_of([Robustness(original_z=2.0)] * 4)
    assert found == Robustness(original_z=4.0)


def test_figures_are_those_of_a_plain_count() -> None:
    random = np.random.default_rng(1)
    asked = 50
    gold = "".join(random.choice(list(LETTERS), asked))
    right = [turned(gold, order) for order in range(4)]
    chosen = [
        "".join(r if random.random() < 0.8 else random.choice(list("AAB")) for r in row)
        for row in right
    ]
    flips = whole = 0
    means, ahead = [], []
    for q in range(asked):
        meant = {"ABCD"[("ABCD".index(chosen[k][q]) + k) % 4] for k in range(4)}
        flips += len(meant) > 1
        whole += meant == {gold[q]}
        is_right = [chosen[k][q] == right[k][q] for k in range(4)]
        means.append(sum(is_right) / 4)
        ahead.append(is_right[0] - sum(is_right[1:]) / 3)
    shares = [sum(row.count(letter) for row in chosen) / (4 * asked) for letter in LETTERS]
    answers = stored(chosen, right)
    found = repeated_metrics(ORDERS, answers)
    assert found == pytest.approx(
        {
            "acc_stderr,none": np.std(means, ddof=1) / math.sqrt(asked),
            "right_under_all,none": whole / asked,
            "flip_rate,none": flips / asked,
            "position_bias,none": sum(abs(share - 0.25) for share in shares) / 2,
            "original_advantage,none": np.mean(ahead),
            "original_z,none": np.mean(ahead) / np.std(ahead, ddof=1) * math.sqrt(asked),
        }
    )
    assert 0 < flips < asked
    earned = compact(answers, by_subject=True, is_repeated=True)
    assert earned
    assert (earned.parts, list(earned.values)) == ((asked,), means)


def test_the_spread_is_that_of_the_accuracies() -> None:
    answers = stored(["AAAA", "AABB", "ABBD"], ["ABBD"] * 3)
    found = robustness_of(REPEATS, answers)
    assert found
    assert found.spread == pytest.approx(np.std([1 / 4, 2 / 4, 4 / 4], ddof=1))
    assert found._replace(spread=None) == Robustness()


def test_translations_of_a_question_are_one_cluster() -> None:
    """The formula of arXiv 2411.00640, section 2.2, written as there, with n - 1 clusters."""
    random = np.random.default_rng(2)
    clusters, languages = 40, 4
    gold = "".join(random.choice(list(LETTERS), clusters))
    known = random.random(clusters) < 0.6
    chosen = [
        "".join(g if k and random.random() < 0.9 else "A" for g, k in zip(gold, known, strict=True))
        for _ in range(languages)
    ]
    right = np.array([[c == g for c, g in zip(row, gold, strict=True)] for row in chosen])
    n, mean = right.size, right.mean()
    within = sum(
        (right[i, c] - mean) * (right[j, c] - mean)
        for c in range(clusters)
        for i in range(languages)
        for j in range(languages)
    )
    found = repeated_metrics(TRANSLATIONS, stored(chosen, [gold] * languages))
    assert found == pytest.approx(
        {
            "acc_stderr,none": math.sqrt(within * clusters / (clusters - 1)) / n,
            "right_under_all,none": right.all(axis=0).mean(),
        }
    )
    assert found["acc_stderr,none"] > 1.5 * math.sqrt(mean * (1 - mean) / n)


def test_rounds_that_lack_a_question_have_no_figures() -> None:
    part = stored(["AAAA", "AAA", "AAAA"], ["ABBD"] * 3)
    assert repeated_metrics(REPEATS, part) == {}
    assert repeated_metrics(Benchmark(key="s", title="S", tasks=REPEATS.tasks), part) == {}


def test_means_are_over_the_benchmarks_that_have_a_figure() -> None:
    one, other = Robustness(0.5, 0.25, 0.125), Robustness(spread=0.5)
    assert mean_of([one, None, other, Robustness(1.0)]) == Robustness(0.75, 0.25, 0.125, 0.5)
    assert mean_of([None]) is None
    assert robustness(one.as_metrics()) == one
    assert robustness({"acc,none": 0.5}) is None

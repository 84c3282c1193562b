"""Scores of every kind of metric, beside lm_eval's own."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.huggingface import HFLM
from lm_eval.utils import hash_string

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedBenchmark
from evalboard.engine.benchmarks.scoring import BenchmarkScore, score
from evalboard.errors import HarnessError
from evalboard.records.outcome import BenchmarkOutcome
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

SUBJECTS = ("mmlu_anatomy", "mmlu_astronomy", "mmlu_virology")
GROUP = Benchmark(key="mmlu", title="MMLU", tasks=SUBJECTS, num_fewshot=3)
SINGLE = {b.key: b for b in load_suite("open-llm-v1").benchmarks if not b.tasks}
SHOTS = 2


class CountingModel(LM):
    """Hands requests on to a model and notes how many came at a time."""

    def __init__(self, model: LM) -> None:
        super().__init__()
        self._model = model
        self.asked: list[int] = []

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        self.asked.append(len(requests))
        return self._model.loglikelihood(requests)

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        return self._model.loglikelihood_rolling(requests)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return self._model.generate_until(requests)


@pytest.fixture(scope="module")
def library(open_llm_mirror: Path) -> TaskLibrary:
    return TaskLibrary([*SINGLE.values(), GROUP], mirror=open_llm_mirror, offline=True)


def evaluate(model: LM, loaded: LoadedBenchmark, limit: int | None = None) -> BenchmarkScore:
    return score(model, loaded, key="k", limit=limit, use_chat_template=False)


@pytest.mark.parametrize("key", SINGLE)
def test_every_metric_is_lm_evals_own(
    key: str, library: TaskLibrary, tiny_model: HFLM, ask_lm_eval: Callable[..., Any]
) -> None:
    shots = min(SHOTS, SINGLE[key].num_fewshot)
    plain = ask_lm_eval([key], shots=shots)
    outcome = evaluate(tiny_model, library.load(SINGLE[key], num_fewshot=shots)).outcome

    wanted = SINGLE[key].metric.partition(",")[2]
    samples = [s for s in plain["samples"][key] if s["filter"] == wanted]
    assert outcome.metrics == plain["results"][key]
    assert math.isfinite(outcome.metrics[SINGLE[key].stderr_metric])
    (task,) = outcome.tasks
    assert (task.task, task.version) == (key, plain["versions"][key])
    assert (task.n_original, task.n_effective) == (len(samples), len(samples))
    hashes = (s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples)
    assert task.task_hash == hash_string("".join(hashes))
    assert outcome.num_fewshot == plain["n-shot"][key] == shots


def test_the_score_of_a_group_is_the_unweighted_mean_of_its_subjects(
    library: TaskLibrary, tiny_model: HFLM, ask_lm_eval: Callable[..., Any]
) -> None:
    plain = ask_lm_eval(SUBJECTS, shots=3)["results"]
    outcome = evaluate(tiny_model, library.load(GROUP)).outcome

    assert {t.task: t.metrics for t in outcome.tasks} == {task: plain[task] for task in SUBJECTS}
    scores = [plain[task]["acc,none"] for task in SUBJECTS]
    assert len(set(scores)) > 1
    assert outcome.metrics["acc,none"] == pytest.approx(sum(scores) / 3)
    for name in ("acc,none", "acc_stderr,none"):
        assert outcome.metrics[name] == pytest.approx(plain["all::mean"][name], rel=1e-12)
    assert outcome.metrics["sample_len"] == outcome.n_effective == 17 + 18 + 19
    assert outcome.is_group


def test_a_model_is_asked_once_for_all_subjects(library: TaskLibrary, tiny_model: HFLM) -> None:
    model = CountingModel(tiny_model)
    evaluate(model, library.load(GROUP))
    assert model.asked == [4 * (17 + 18 + 19)]


def test_a_limit_counts_for_every_subject(
    library: TaskLibrary, tiny_model: HFLM, ask_lm_eval: Callable[..., Any]
) -> None:
    plain = ask_lm_eval(SUBJECTS, shots=3, limit=5)["results"]
    outcome = evaluate(tiny_model, library.load(GROUP, limit=5), limit=5).outcome
    assert [(t.n_original, t.n_effective) for t in outcome.tasks] == [(17, 5), (18, 5), (19, 5)]
    assert outcome.metrics["acc,none"] == pytest.approx(plain["all::mean"]["acc,none"])


def test_one_question_has_no_standard_error(library: TaskLibrary, tiny_model: HFLM) -> None:
    outcome = evaluate(tiny_model, library.load(GROUP, limit=1), limit=1).outcome
    assert outcome.metrics["acc_stderr,none"] == "N/A"
    assert 0 <= outcome.metrics["acc,none"] <= 1


def test_the_same_benchmark_again_is_the_same(library: TaskLibrary, tiny_model: HFLM) -> None:
    """Examples are drawn at random: from the same seed each time."""
    loaded = library.load(SINGLE["arc_challenge"], num_fewshot=SHOTS)
    first, second = (evaluate(tiny_model, loaded) for _ in range(2))
    assert first.outcome.tasks == second.outcome.tasks
    assert first.answers == second.answers


@pytest.mark.parametrize("benchmark", [SINGLE["truthfulqa_mc2"], GROUP], ids=["single", "group"])
def test_an_outcome_survives_the_work_folder(
    benchmark: Benchmark, library: TaskLibrary, tiny_model: HFLM
) -> None:
    outcome = evaluate(tiny_model, library.load(benchmark)).outcome
    assert BenchmarkOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_a_metric_that_the_task_has_not_is_named(library: TaskLibrary, tiny_model: HFLM) -> None:
    loaded = library.load(SINGLE["winogrande"])
    wrong = loaded.benchmark.model_copy(update={"metric": "acc_norm,none"})
    with pytest.raises(HarnessError, match=r"'winogrande' has no finite metric 'acc_norm,none'"):
        evaluate(tiny_model, loaded._replace(benchmark=wrong))

from typing import Any

import pytest

from evalboard.attempt.closing import model_config, scores_of
from evalboard.records.outcome import BenchmarkOutcome, TaskOutcome
from evalboard.records.request import BoardBlock, RequestRecord
from tests.engine_facts import FACTS


def task(name: str, score: float) -> TaskOutcome:
    return TaskOutcome(
        task=name,
        metrics={"acc,none": score},
        version=1.0,
        n_original=10,
        n_effective=4,
        task_hash=f"hash of {name}",
        config={"task": name},
    )


def outcome(benchmark: str, tasks: list[TaskOutcome], metrics: dict[str, Any]) -> BenchmarkOutcome:
    return BenchmarkOutcome(
        benchmark=benchmark,
        key="key",
        tasks=tuple(tasks),
        metrics=metrics,
        num_fewshot=5,
        dataset_fingerprint="print",
        seconds=1.0,
    )


def test_a_group_stands_beside_its_subjects_as_in_lm_evals_documents() -> None:
    single, anatomy, virology = task("arc", 0.5), task("anatomy", 0.2), task("virology", 0.4)
    mean = {"acc,none": 0.3, "acc_stderr,none": 0.1}
    scores = scores_of(
        [outcome("arc_key", [single], single.metrics), outcome("mmlu", [anatomy, virology], mean)]
    )
    tasks = ["arc", "anatomy", "virology"]
    assert scores["results"] == {
        "arc": {"acc,none": 0.5},
        "anatomy": {"acc,none": 0.2},
        "virology": {"acc,none": 0.4},
        "mmlu": mean,
    }
    assert scores["group_subtasks"] == {"mmlu": ["anatomy", "virology"]}
    assert scores["versions"] == dict.fromkeys(tasks, 1.0)
    assert scores["n-shot"] == dict.fromkeys(tasks, 5)
    assert scores["n-samples"] == dict.fromkeys(tasks, {"original": 10, "effective": 4})
    assert scores["task_hashes"] == {name: f"hash of {name}" for name in tasks}
    assert scores["configs"] == {name: {"task": name} for name in tasks}


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, ("", None, None)),
        ({"facts": {}}, ("", False, False)),
        ({"facts": {"license": "mit", "merged": True}}, ("mit", True, False)),
        ({"facts": {"moe": True}}, ("", False, True)),
    ],
)
def test_a_document_tells_what_the_checks_found(
    report: dict[str, Any] | None, told: tuple[str, bool | None, bool | None]
) -> None:
    record = RequestRecord(model="org/m", revision="a" * 40, evalboard=BoardBlock(report=report))
    config = model_config(record, FACTS)
    assert (config.license, config.merged, config.moe) == told

import json
import math
from typing import Any

import pytest

from evalboard.errors import RecordError
from evalboard.records.result import ModelConfig, ResultDocument, Seconds

TASK = "mmlu_anatomy"
SHA = "a" * 40
DOCUMENT: dict[str, Any] = {
    "config": {
        "model_name": "org/model",
        "model_sha": SHA,
        "model_dtype": "float16",
        "backend": "vllm",
        "backend_version": "0.32.0",
        "lm_eval_version": "0.4.13",
        "batch_size": "auto",
    },
    "results": {TASK: {"acc,none": 0.25, "acc_stderr,none": 0.01, "alias": "anatomy"}},
    "versions": {TASK: 1.0},
    "n-shot": {TASK: 0},
    "n-samples": {TASK: {"original": 135, "effective": 135}},
    "task_hashes": {TASK: "hash"},
    "configs": {TASK: {"task": TASK, "doc_to_text": "{{question}} Ünï"}},
    "evalboard": {
        "suite": "open-medical",
        "run_key": "run",
        "benchmark_keys": {TASK: "key"},
        "dataset_fingerprints": {TASK: "print"},
        "finished_time": "2026-11-21T10:00:00Z",
    },
    "git_hash": "unknown to us",
}


def test_a_document_has_the_keys_that_leaderboards_read() -> None:
    document = ResultDocument.model_validate(DOCUMENT)
    written = json.loads(document.to_json())
    assert DOCUMENT.keys() <= written.keys()
    for key in ("results", "versions", "n-shot", "n-samples", "task_hashes", "configs", "git_hash"):
        assert written[key] == DOCUMENT[key]
    assert DOCUMENT["config"].items() <= written["config"].items()
    assert ResultDocument.from_json(document.to_json(), path="a.json") == document


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_written(score: float) -> None:
    results = {TASK: {"acc,none": score}}
    document = ResultDocument.model_validate(DOCUMENT | {"results": results})
    with pytest.raises(RecordError, match="'org/model' cannot be stored.*not JSON compliant"):
        document.to_json()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"results": {}, "config": {}}'])
def test_what_is_no_document_is_an_error_that_names_the_file(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"'org/results\.json'"):
        ResultDocument.from_json(content, path="org/results.json")


def test_a_choice_has_the_names_that_lm_eval_gives_its_parts() -> None:
    config = ModelConfig.model_validate(DOCUMENT["config"] | {"base_revision": "9" * 40})
    choice = config.choice
    assert (choice.model, choice.revision, choice.base_revision) == ("org/model", SHA, "9" * 40)
    assert choice.precision == "float16"
    fields = ModelConfig.choice_fields(choice)
    assert fields.items() <= config.model_dump().items()
    assert {"model_name", "model_sha", "model_dtype", "base_revision"} <= fields.keys()


def test_overhead_is_what_no_part_accounts_for() -> None:
    seconds = Seconds(start=1, load=2, score={"a": 3, "b": 4}, store=5, total=20)
    assert seconds.overhead == 5
    assert Seconds(score={"a": 3, "b": 4}, total=5).overhead == 0

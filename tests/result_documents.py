"""Result documents as the tests need them: small, and complete enough for a board."""

from collections.abc import Mapping
from typing import Any

from evalboard.records.result import ResultDocument

MODEL = {
    "model_name": "org/model",
    "model_sha": "a" * 40,
    "model_dtype": "float16",
    "backend": "hf",
    "backend_version": "5",
    "lm_eval_version": "0.4.13",
}


def result_document(
    results: Mapping[str, Mapping[str, Any]],
    *,
    n: int = 100,
    fewshot: int = 0,
    config: Mapping[str, Any] | None = None,
    **provenance: Any,
) -> ResultDocument:
    """Return the document of one run.

    Args:
        results: Metrics by task, each a benchmark of its own.
        n: Number of questions of each task, all of which were asked.
        fewshot: Number of examples before each question.
        config: What differs from `MODEL`.
        provenance: What differs in the part `evalboard`.
    """
    return ResultDocument.model_validate(
        {
            "config": MODEL | dict(config or {}),
            "results": results,
            "versions": dict.fromkeys(results, 1.0),
            "n-shot": dict.fromkeys(results, fewshot),
            "n-samples": dict.fromkeys(results, {"original": n, "effective": n}),
            "task_hashes": dict.fromkeys(results, "hash"),
            "configs": dict.fromkeys(results, {}),
            "evalboard": {
                "suite": "open-medical",
                "run_key": "run",
                "benchmark_keys": dict.fromkeys(results, "key"),
                "dataset_fingerprints": dict.fromkeys(results, "print"),
                "finished_time": "2026-11-21T10:00:00Z",
            }
            | provenance,
        }
    )

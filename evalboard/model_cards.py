"""The scores of a row for the model's own repository: a model-index, or a file of `.eval_results`.

Both are formats of the Hub, written with its client. Values are in percent, as leaderboards print them.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import yaml
from huggingface_hub import (
    CommitOperationAdd,
    EvalResult,
    EvalResultEntry,
    HfApi,
    metadata_load,
    metadata_save,
)
from huggingface_hub import eval_result_entries_to_yaml as entries_to_yaml
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.repocard_data import eval_results_to_model_index
from pydantic import BaseModel, TypeAdapter, ValidationError

from evalboard.board.measured import Measured
from evalboard.board.scores import Score
from evalboard.errors import StoreError, first_problem
from evalboard.suites.model import Benchmark, Suite

DIGITS = 4
CARD = "README.md"


class _Named(BaseModel):
    """An entry of a model-index, as far as it is read."""

    name: Any
    results: list[dict[str, Any]] | None = None


_INDEX = TypeAdapter(list[_Named])


def model_index(measured: Measured, suite: Suite, link: str) -> str:
    """Return the block `model-index` of a model card, as YAML.

    Args:
        measured: The row.
        suite: Of its board.
        link: Address of the board, empty without one.
    """
    return _yaml({"model-index": _model_index(measured, suite, link)})


def eval_results(measured: Measured, suite: Suite, link: str) -> str:
    """Return the content of a file in `.eval_results`; as `model_index`."""
    entries = [
        _entry(measured, task, score, suite, link) for task, score in _tasks(measured, suite)
    ]
    return _yaml(entries_to_yaml(entries))


FORMATS: dict[str, Callable[[Measured, Suite, str], str]] = {
    "model-index": model_index,
    "eval-results": eval_results,
}
"""What writes a row, by the name of the format."""


def open_pull_request(form: str, measured: Measured, suite: Suite, link: str, *, api: HfApi) -> str:
    """Open a pull request on the model's repository, and return its address.

    A model-index keeps what the card has from others; results of the same task, data set and source are
    replaced.

    Raises:
        StoreError: The Hub refused it, or did not answer.
    """
    model = measured.row.config.model_name
    try:
        if form == "model-index":
            index = _model_index(measured, suite, link)
            path, content = CARD, _card_with(index, model, api)
        else:
            path = f".eval_results/{suite.name}.yaml"
            content = eval_results(measured, suite, link)
        commit = api.create_commit(
            model,
            [CommitOperationAdd(path, content.encode())],
            commit_message=f"Add evaluation results of {suite.title}",
            create_pr=True,
        )
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"A pull request on {model!r} cannot be opened: {exc}. Check that the model is on the Hub, "
            "and that HF_TOKEN may open pull requests."
        ) from exc
    return str(commit.pr_url)


def _card_with(index: list[dict[str, Any]], model: str, api: HfApi) -> str:
    """Return the model's card with these results among its own."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / CARD
        try:
            api.hf_hub_download(model, CARD, local_dir=folder)
        except EntryNotFoundError:
            file.write_text("", encoding="utf-8")
        metadata = _metadata(file, model)
        metadata["model-index"] = merged(metadata.get("model-index") or [], index)
        metadata_save(file, metadata)
        return file.read_text(encoding="utf-8")


def _metadata(file: Path, model: str) -> dict[str, Any]:
    """Return the front matter of a card, after a check that results can be added to it.

    Raises:
        StoreError: It is damaged, and would lose something.
    """
    try:
        metadata = metadata_load(file) or {}
        _INDEX.validate_python(metadata.get("model-index") or [])
    except (ValueError, yaml.YAMLError) as exc:
        problem = first_problem(exc) if isinstance(exc, ValidationError) else str(exc)
        raise StoreError(
            f"Results cannot be added to the model card of {model!r}: {' '.join(problem.split())}"
        ) from exc
    return metadata


def merged(own: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a model-index with new results, which replace those of the same task, data and source."""
    first, *others = own or [{"name": new[0]["name"], "results": []}]
    results = new[0]["results"]
    told = [_subject(result) for result in results]
    kept = [result for result in first.get("results") or [] if _subject(result) not in told]
    return [{**first, "results": kept + results}, *others]


def _subject(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a result is about, without its values."""
    return {part: result.get(part) for part in ("task", "dataset", "source")}


def _tasks(measured: Measured, suite: Suite) -> list[tuple[Benchmark, Score]]:
    """Return each task with its score; a group is its subjects, which have a data set each."""
    found: list[tuple[Benchmark, Score]] = []
    for benchmark in suite.benchmarks:
        if score := measured.row.scores.get(benchmark.key):
            parts = list(zip(benchmark.subjects, score.subjects, strict=True))
            found += parts or [(benchmark, score)]
    return found


def _model_index(measured: Measured, suite: Suite, link: str) -> list[dict[str, Any]]:
    results = _eval_results(measured, suite, link)
    return eval_results_to_model_index(_short_name(measured), results)


def _eval_results(measured: Measured, suite: Suite, link: str) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Text Generation",
            dataset_type=_dataset(measured, task),
            dataset_name=f"{task.title} ({task.num_fewshot}-shot)",
            dataset_config=_config(measured, task).get("dataset_name") or "default",
            dataset_split=_split(measured, task),
            dataset_args={"num_few_shot": task.num_fewshot},
            metric_type=task.metric.partition(",")[0],
            metric_name=task.metric,
            metric_value=_percent(score.value),
            source_name=suite.title if link else None,
            source_url=link or None,
        )
        for task, score in _tasks(measured, suite)
    ]


def _entry(
    measured: Measured, task: Benchmark, score: Score, suite: Suite, link: str
) -> EvalResultEntry:
    return EvalResultEntry(
        dataset_id=_dataset(measured, task),
        task_id=task.task_name,
        value=_percent(score.value),
        date=measured.row.finished_time,
        notes=_notes(measured, task, score),
        source_name=suite.title if link else None,
        source_url=link or None,
    )


def _notes(measured: Measured, task: Benchmark, score: Score) -> str:
    config, origin = measured.row.config, score.origin
    error = "" if score.stderr is None else f"standard error {_percent(score.stderr):g}"
    parts = [
        f"{task.metric} in percent",
        f"{score.n} questions",
        error,
        f"{task.num_fewshot}-shot",
        f"commit {config.model_sha[:8]} in {config.model_dtype}",
        "chat template" if config.use_chat_template else "",
        "thinking" if config.enable_thinking else "",
        f"lm-eval {origin.lm_eval_version} on {origin.backend} {origin.backend_version}",
    ]
    return ", ".join(part for part in parts if part)


def _percent(fraction: float) -> float:
    return round(100 * fraction, DIGITS)


def _config(measured: Measured, task: Benchmark) -> Any:
    return measured.configs.get(task.task_name, {})


def _dataset(measured: Measured, task: Benchmark) -> str:
    """Return the data set on the Hub, or the task's name if the result does not say it."""
    return str(_config(measured, task).get("dataset_path") or task.task_name)


def _split(measured: Measured, task: Benchmark) -> str | None:
    config = _config(measured, task)
    return config.get("test_split") or config.get("validation_split")


def _short_name(measured: Measured) -> str:
    return measured.row.config.model_name.rpartition("/")[2]


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)

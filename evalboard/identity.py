"""What makes two things the same: submissions, rows, scores, and the folder of a result. Pure.

All are projections of `ModelChoice`, the model and how it is loaded:

| the same   | agree in                                                                        |
|------------|---------------------------------------------------------------------------------|
| submission | model, revision, precision, weight type, template, thinking and its end, suite, |
|            | and the base model of an adapter or a delta. Names without regard to case       |
| row        | model, revision, precision, weight type, template, thinking. Scores on two      |
|            | bases, or on two commits of one, are marked within the row                      |
| folder     | all of a row, the first 8 digits of the base's commit, and the suite            |
| score      | all of the choice, the base's commit too, and everything else that can change a |
|            | score: `ModelIdentity` and `BenchmarkIdentity`                                  |

Scores with the same key never run twice. Scores with different keys are never compared silently. The
reasons are in `docs/design/identity.md`.
"""

import hashlib
import json
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from evalboard.records.choice import ModelChoice, PinnedChoice, WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord
from evalboard.records.result import ResultDocument

THINKING_OFF = "off"
"""What a key says of a model that could think and does not."""


class SubmissionIdentity(NamedTuple):
    """What makes two submissions the same."""

    model: str
    revision: str
    precision: str | None
    weight_type: str
    base_model: str
    """Empty for whole weights, which are the same whatever they were made from."""
    use_chat_template: bool
    enable_thinking: bool
    think_end_token: str
    """Empty without thinking."""
    suite: str


class RowIdentity(NamedTuple):
    """What makes two results belong to the same row of the board."""

    model: str
    sha: str
    precision: str
    weight_type: str
    use_chat_template: bool
    enable_thinking: bool


class ModelIdentity(BaseModel):
    """Everything about a model and how it is run that can change a score."""

    model_config = ConfigDict(frozen=True)

    choice: PinnedChoice
    chat_template_sha: str | None
    """sha256 of the template's text, None without a template."""
    backend: str
    backend_version: str
    lm_eval_version: str
    max_length: int | None
    """Limit of the context length in tokens, None for the model's own."""
    chat_date: str | None = None
    """Date that the template sees, in ISO format; None if it does not ask for the date."""
    method: int = 1
    """Number of the backend's way to compute scores; see `evalboard.backends`."""
    texts_are_opened: bool = False
    """Whether the tokenizer ends every text by itself, and is made not to."""
    thinking: str | None = None
    """End token of the thinking before the answers. Without thinking `THINKING_OFF` if the template
    has a switch for it, None otherwise.
    """


class BenchmarkIdentity(BaseModel):
    """Everything about a benchmark and its prompts that can change a score."""

    model_config = ConfigDict(frozen=True)

    task: str
    version: str
    config_hash: str
    num_fewshot: int
    dataset_fingerprint: str
    limit: int | None


def submission_identity(choice: ModelChoice, suite: str) -> SubmissionIdentity:
    """Return what makes a submission the same as another.

    Args:
        choice: Which model is submitted.
        suite: Name of the suite that is asked for.
    """
    is_whole = choice.weight_type == WeightType.ORIGINAL
    return SubmissionIdentity(
        model=choice.model.casefold(),
        revision=choice.revision,
        precision=choice.precision,
        weight_type=choice.weight_type,
        base_model="" if is_whole else choice.base_model.casefold(),
        use_chat_template=choice.use_chat_template,
        enable_thinking=choice.enable_thinking,
        think_end_token=choice.think_end_token if choice.enable_thinking else "",
        suite=suite,
    )


def request_identity(record: RequestRecord, board_suite: str = "") -> SubmissionIdentity:
    """Return the identity of a request; one that names no suite means the board's own."""
    return submission_identity(record.choice, record.evalboard.suite or board_suite)


def base_identity(choice: PinnedChoice) -> str:
    """Return what the weights are put on, `{model}@{commit}`; empty for whole weights."""
    if choice.weight_type == WeightType.ORIGINAL:
        return ""
    return f"{choice.base_model.casefold()}@{choice.base_revision}"


def row_identity(choice: PinnedChoice) -> RowIdentity:
    """Return which row of the board a result belongs to."""
    return RowIdentity(
        choice.model,
        choice.revision,
        choice.precision,
        choice.weight_type,
        choice.use_chat_template,
        choice.enable_thinking,
    )


def result_folder(choice: PinnedChoice, suite: str) -> str:
    """Return the folder of a model's documents on a suite, in the results store.

    `{org}/{model}/{sha}/{precision}_{weight_type}[_chat][_think][_{base}]/{suite}`, `base` being the
    first 8 digits of the base's sha where the weights are put on one: answers on two bases must not share a file.
    """
    chat = "_chat" if choice.use_chat_template else ""
    think = "_think" if choice.enable_thinking else ""
    base = f"_{choice.base_revision[:8]}" if choice.base_revision else ""
    way = f"{_first_word(choice.precision)}_{choice.weight_type}{chat}{think}{base}"
    return f"{choice.model}/{choice.revision}/{way}/{suite}"


def document_folder(document: ResultDocument) -> str:
    """Return a document's folder in the results store. Its answers are in that folder of `details/`."""
    return result_folder(document.config.choice, document.evalboard.suite)


def run_key(model: ModelIdentity, suite: str) -> str:
    """Return the key of one model on one suite: 64 hexadecimal digits."""
    return digest({"model": _content(model), "suite": suite})


def benchmark_key(
    model: ModelIdentity, benchmark: BenchmarkIdentity, *more: BenchmarkIdentity
) -> str:
    """Return the key of one score: 64 hexadecimal digits.

    Args:
        model: Which model, and how it is run.
        benchmark: What is asked; for a group, its first subject.
        more: The other subjects of a group, in the suite's order.
    """
    asked = [subject.model_dump() for subject in (benchmark, *more)]
    return digest({"model": _content(model), "benchmark": asked if more else asked[0]})


def _content(model: ModelIdentity) -> dict[str, Any]:
    """Return the content of the keys.

    The keys of scores that were taken earlier must stay as they are: what came later than they is
    left out while it says nothing more. The template's hash stands for the template, and `thinking`
    for what a benchmark does with the choice's.
    """
    later = {"base_revision"} if not model.choice.base_revision else set[str]()
    fields = ModelIdentity.model_fields
    unsaid = {name for name in _LATER_FIELDS if getattr(model, name) == fields[name].default}
    return {
        **model.choice.model_dump(exclude={*_SAID_OTHERWISE, *later}),
        "precision": _first_word(model.choice.precision),
        **model.model_dump(exclude={"choice", *unsaid}),
    }


_SAID_OTHERWISE = ("use_chat_template", "enable_thinking", "think_end_token")
"""Fields of the choice that other fields of `ModelIdentity` stand for."""
_LATER_FIELDS = ("chat_date", "method", "texts_are_opened", "thinking")
"""Fields of `ModelIdentity` that say nothing more while they have their defaults."""


def _first_word(precision: str) -> str:
    """Return a precision under the name that it had first: keys and folders keep it."""
    return "GPTQ" if precision == Precision.PREQUANTISED else precision


def digest(value: Any) -> str:
    """Return the sha256 of a JSON value, the same for equal values on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

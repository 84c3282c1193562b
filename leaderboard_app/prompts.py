"""The questions' texts, from the mirror of datasets.

Answers are stored without the prompts. If the mirror has the dataset, a question is found by its
number, and shown only if its hash matches that of the asked question. Templates in the task
definition are filled in. If a program writes the prompt, the question's fields are shown as in the
dataset.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalboard.engine.benchmarks.mirror import mirror_folder, parquet_files, splits_of

LONGEST_TEXT = 20_000
"""Limit of characters of a text."""
KEPT_SPLITS = 4
"""Number of question files to keep in memory."""

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
"""Autoescape stays off: a prompt is plain text, and is never put into HTML."""


class AskedQuestion(NamedTuple):
    """A question's identity in the answers."""

    question_id: int
    doc_hash: str


class Prompt(NamedTuple):
    """The prompt: either its text, or the question's fields."""

    text: str | None
    fields: dict[str, str]


def find_prompts(
    mirror: Path | None, config: Mapping[str, Any], asked: Sequence[AskedQuestion]
) -> list[Prompt | None]:
    """Return the questions of a task, None for each that the mirror does not have.

    Args:
        mirror: Folder with datasets (`EVALBOARD_DATASETS`), None without one.
        config: The task's definition in the result document.
        asked: The questions.
    """
    table = _questions(mirror, config)
    if table is None:
        return [None] * len(asked)
    return [_prompt(table, config, question) for question in asked]


def doc_hash(document: Mapping[str, Any]) -> str:
    """Return lm_eval's hash of a question.

    https://github.com/EleutherAI/lm-evaluation-harness/blob/v0.4.13/lm_eval/evaluator.py
    """
    text = json.dumps(document, indent=2, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _questions(mirror: Path | None, config: Mapping[str, Any]) -> pa.Table | None:
    if mirror is None or not config.get("dataset_path"):
        return None
    split = splits_of(config).evaluation
    file = parquet_files(mirror_folder(mirror, config)).get(split or "")
    if file is None or not file.resolve().is_relative_to(mirror.resolve()):
        return None
    return _read_split(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=KEPT_SPLITS)
def _read_split(file: Path, _changed: int) -> pa.Table | None:
    try:
        return pq.read_table(file)
    except (pa.ArrowException, OSError):
        return None


def _prompt(table: pa.Table, config: Mapping[str, Any], question: AskedQuestion) -> Prompt | None:
    if not 0 <= question.question_id < table.num_rows:
        return None
    (document,) = table.slice(question.question_id, 1).to_pylist()
    if doc_hash(document) != question.doc_hash:
        return None
    text = _fill(config.get("doc_to_text"), document)
    if text is not None:
        return Prompt(_cut(text), {})
    return Prompt(None, {name: _cut(_plain(value)) for name, value in document.items()})


def _fill(template: Any, document: Mapping[str, Any]) -> str | None:
    """Return a question's prompt from the definition, None if a program writes it."""
    if not isinstance(template, str) or template.lstrip().startswith(("def ", "<", "@")):
        return None
    if template in document:
        return str(document[template])
    try:
        return _ENVIRONMENT.from_string(template).render(**document)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError):
        return None


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"

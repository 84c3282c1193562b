"""Which scores were measured alike. Only rows with such scores are ranked together.

A score counts with the suite's number of few-shots only (`scores`), so that rows cannot differ in it.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from evalboard.board.harnesses import Harnesses, versions_of
from evalboard.board.rows import Row
from evalboard.board.scores import Origin, Score

REMEMBERED = 2**16
"""Measurements. Most scores of a benchmark have the same."""


class Measurement(NamedTuple):
    """How a score was measured, as far as scores can be compared only where it is the same."""

    task: str
    """Version of the task."""
    prompts: str
    """Hash of the prompts; empty with a template, where the prompts are each model's own."""
    questions: str
    """Fingerprint of the dataset."""
    template: str
    """Whether prompts went through a chat template."""
    thinking: str
    """Whether the model thought before it answered."""
    backend: str
    """The family: `vllm` or `hf`."""
    reader: str
    """Name and version of the reader of answers in words; empty for other answers."""
    harness: str
    """Versions of lm-eval and of the backend, or the name of those that a verdict has joined with them:
    whether scores of two versions compare, nobody knows unasked."""

    @property
    def number(self) -> int:
        """A number that is the same for equal measurements, on every machine."""
        return _number(self)


@lru_cache(maxsize=REMEMBERED)
def _number(measurement: Measurement) -> int:
    digest = hashlib.sha256("\0".join(measurement).encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def measurement(row: Row, key: str, score: Score, harnesses: Harnesses) -> Measurement:
    """Return how a score of a row was measured.

    Args:
        row: The row.
        key: Of the benchmark.
        score: Its score there.
        harnesses: Which versions compare.
    """
    identity = row.identity
    return _measurement(
        score.origin, identity.use_chat_template, identity.enable_thinking, key, harnesses
    )


@lru_cache(maxsize=REMEMBERED)
def _measurement(
    origin: Origin, has_template: bool, is_thinking: bool, key: str, harnesses: Harnesses
) -> Measurement:
    return Measurement(
        task=origin.task_version,
        prompts="" if has_template else origin.task_hash,
        questions=origin.questions,
        template=str(has_template),
        thinking=str(is_thinking),
        backend=origin.backend,
        reader=origin.reader,
        harness=harnesses.name(key, versions_of(origin)),
    )


def usual_measurements(rows: Sequence[Row], harnesses: Harnesses) -> dict[str, Measurement]:
    """Return by benchmark key how most rows were measured, in a tie how the newest score was."""
    counts: dict[str, Counter[Measurement]] = defaultdict(Counter)
    newest: dict[tuple[str, Measurement], str] = {}
    for row in rows:
        for key, score in row.scores.items():
            found = measurement(row, key, score, harnesses)
            counts[key][found] += 1
            seen = newest.get((key, found), "")
            newest[key, found] = max(seen, score.finished_time)
    return {
        key: max(counter, key=lambda m: (counter[m], newest[key, m], m))
        for key, counter in counts.items()
    }


def differences(row: Row, usual: dict[str, Measurement], harnesses: Harnesses) -> list[str]:
    """Return in what a row was measured otherwise than most: `harness`, or `harness:pubmedqa`.

    The name of a benchmark follows where not all of the row's scores differ.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for key, score in row.scores.items():
        if (own := measurement(row, key, score, harnesses)) != usual[key]:
            for aspect in _aspects(own, usual[key]):
                found[aspect].append(key)
    told: list[str] = []
    for aspect, keys in found.items():
        is_all = len(keys) == len(row.scores)
        told += [aspect] if is_all else [f"{aspect}:{key}" for key in keys]
    return sorted(told)


def _aspects(own: Measurement, usual: Measurement) -> set[str]:
    """Return in what two measurements differ.

    Prompts differ with the questions and the template, and versions with the backend.
    """
    pairs = zip(own._fields, own, usual, strict=True)
    found = {aspect for aspect, value, other in pairs if value != other}
    if found & {"questions", "template"}:
        found.discard("prompts")
    return found - {"harness"} if "backend" in found else found

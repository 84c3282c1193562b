"""Which scores were measured alike. Only rows with such scores are ranked together.

A score counts with the suite's number of few-shots only (`scores`), so that rows cannot differ in it.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.board.harnesses import Harnesses, versions_of
from evalboard.board.rows import Row
from evalboard.board.scores import Origin, origins_of


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
        digest = hashlib.sha256("\0".join(self).encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)


class Measured:
    """How the scores of all rows were measured. Nearly all rows of a board are of one kind."""

    def __init__(self, rows: Sequence[Row], harnesses: Harnesses) -> None:
        """Tell the kinds of rows apart.

        Args:
            rows: The rows.
            harnesses: Which versions compare.
        """
        numbers: dict[_Kind, int] = {}
        self._rows = rows
        self._kind_of_row = [numbers.setdefault(_kind(row), len(numbers)) for row in rows]
        self._kinds = [_measurements(kind, harnesses) for kind in numbers]

    def numbers(self, key: str) -> NDArray[np.int64]:
        """Return for every row the number of its measurement on a benchmark, 0 without a score."""
        found = [kind[key].number if key in kind else 0 for kind in self._kinds]
        return np.array(found, np.int64)[np.array(self._kind_of_row, np.intp)]

    def differences(self) -> list[list[str]]:
        """Return in what each row was measured otherwise than most: `harness`, or `harness:pubmedqa`.

        The name of a benchmark follows where not all of the row's scores differ.
        """
        usual = self._usual()
        found = [_differences(kind, usual) for kind in self._kinds]
        return [found[number] for number in self._kind_of_row]

    def _usual(self) -> dict[str, Measurement]:
        """Return by benchmark key how most rows were measured, in a tie how the newest score was."""
        counts: dict[str, Counter[Measurement]] = defaultdict(Counter)
        for number, count in Counter(self._kind_of_row).items():
            for key, measurement in self._kinds[number].items():
                counts[key][measurement] += count
        usual: dict[str, Measurement] = {}
        for key, counter in counts.items():
            most = max(counter.values())
            tied = [measurement for measurement, count in counter.items() if count == most]
            usual[key] = tied[0] if len(tied) == 1 else self._newest(key, tied)
        return usual

    def _newest(self, key: str, tied: Collection[Measurement]) -> Measurement:
        """Return which of some measurements on a benchmark has the newest score."""
        newest = dict.fromkeys(tied, "")
        for row, number in zip(self._rows, self._kind_of_row, strict=True):
            found = self._kinds[number].get(key)
            if found is not None and found in newest:
                newest[found] = max(newest[found], row.scores[key].finished_time)
        return max(newest, key=lambda measurement: (newest[measurement], measurement))


class _Kind(NamedTuple):
    """What is the same of all rows that were measured alike."""

    origins: tuple[tuple[str, Origin], ...]
    """With the keys of the benchmarks."""
    has_template: bool
    is_thinking: bool


def _kind(row: Row) -> _Kind:
    return _Kind(
        origins_of(row.scores), row.identity.use_chat_template, row.identity.enable_thinking
    )


def _measurements(kind: _Kind, harnesses: Harnesses) -> dict[str, Measurement]:
    """Return by benchmark key how the scores of rows of a kind were measured."""
    return {
        key: Measurement(
            task=origin.task_version,
            prompts="" if kind.has_template else origin.task_hash,
            questions=origin.questions,
            template=str(kind.has_template),
            thinking=str(kind.is_thinking),
            backend=origin.backend,
            reader=origin.reader,
            harness=harnesses.name(key, versions_of(origin)),
        )
        for key, origin in kind.origins
    }


def _differences(kind: Mapping[str, Measurement], usual: Mapping[str, Measurement]) -> list[str]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, measurement in kind.items():
        for aspect in _aspects(measurement, usual[key]):
            found[aspect].append(key)
    told: list[str] = []
    for aspect, keys in found.items():
        is_all = len(keys) == len(kind)
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

"""What the tasks of `open-medical-robust` ask: the questions of `open-medical` with turned choices.

A task's YAML names one of these functions. In the order k, from 0 to 3, the choice at place p is that at
place p + k of the data set, counted round: over the four orders every choice is at every place once.
Questions with a choice that may be about other choices (`medical.are_plain`) are left out of all orders.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evalboard.engine.benchmarks.in_words import MEDMCQA_CHOICES, MEDQA_CHOICES
from evalboard.engine.benchmarks.medical import are_plain

Document = Mapping[str, Any]


def turned(choices: Sequence[str], order: int) -> list[str]:
    """Return choices in an order."""
    return [*choices[order:], *choices[:order]]


def _turned_mmlu(dataset: Any, order: int) -> Any:
    def turn(document: Document) -> dict[str, Any]:
        choices = document["choices"]
        place = (document["answer"] - order) % len(choices)
        return {"choices": turned(choices, order), "answer": place}

    return dataset.filter(lambda document: are_plain(document["choices"])).map(turn)


def _turned_fields(dataset: Any, names: Sequence[str], right: str, order: int) -> Any:
    """Return questions whose choices are fields of their own, by other names of these fields.

    Args:
        dataset: The questions.
        names: Names of the fields.
        right: Name of the field with the place of the right choice.
        order: Number of the order.
    """
    places = [(place - order) % len(names) for place in dataset[right]]
    renamed = dataset.rename_columns(dict(zip(turned(names, order), names, strict=True)))
    placed = renamed.remove_columns(right).add_column(right, places)
    return placed.filter(lambda *choices: are_plain(choices), input_columns=list(names))


def mmlu_0(dataset: Any) -> Any:
    """Return the questions of MMLU in the order 0."""
    return _turned_mmlu(dataset, 0)


def mmlu_1(dataset: Any) -> Any:
    """Return the questions of MMLU in the order 1."""
    return _turned_mmlu(dataset, 1)


def mmlu_2(dataset: Any) -> Any:
    """Return the questions of MMLU in the order 2."""
    return _turned_mmlu(dataset, 2)


def mmlu_3(dataset: Any) -> Any:
    """Return the questions of MMLU in the order 3."""
    return _turned_mmlu(dataset, 3)


def medmcqa_0(dataset: Any) -> Any:
    """Return the questions of MedMCQA in the order 0."""
    return _turned_fields(dataset, MEDMCQA_CHOICES, "cop", 0)


def medmcqa_1(dataset: Any) -> Any:
    """Return the questions of MedMCQA in the order 1."""
    return _turned_fields(dataset, MEDMCQA_CHOICES, "cop", 1)


def medmcqa_2(dataset: Any) -> Any:
    """Return the questions of MedMCQA in the order 2."""
    return _turned_fields(dataset, MEDMCQA_CHOICES, "cop", 2)


def medmcqa_3(dataset: Any) -> Any:
    """Return the questions of MedMCQA in the order 3."""
    return _turned_fields(dataset, MEDMCQA_CHOICES, "cop", 3)


def medqa_0(dataset: Any) -> Any:
    """Return the questions of MedQA in the order 0."""
    return _turned_fields(dataset, MEDQA_CHOICES, "label", 0)


def medqa_1(dataset: Any) -> Any:
    """Return the questions of MedQA in the order 1."""
    return _turned_fields(dataset, MEDQA_CHOICES, "label", 1)


def medqa_2(dataset: Any) -> Any:
    """Return the questions of MedQA in the order 2."""
    return _turned_fields(dataset, MEDQA_CHOICES, "label", 2)


def medqa_3(dataset: Any) -> Any:
    """Return the questions of MedQA in the order 3."""
    return _turned_fields(dataset, MEDQA_CHOICES, "label", 3)

"""Scores of answers in words, for the tasks of our suites.

A task's YAML names one of these functions as its `process_results`, and every number that it returns
as a metric with the aggregation `mean`. Each question counts for each of them, whatever became of its
answer. The reader's version is no part of this file: lm_eval's tasks are told apart by the source text
of their functions, and a new reader asks no question again.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from evalboard.engine.benchmarks.answering import Readout, TaskText
from evalboard.reading.answers import Reading, Unread
from evalboard.reading.marks import marks
from evalboard.reading.reader import read

MEDQA_CHOICES = ("ending0", "ending1", "ending2", "ending3")
MEDMCQA_CHOICES = ("opa", "opb", "opc", "opd")
PUBMEDQA_CHOICES = ("yes", "no", "maybe")


def read_result(results: Sequence[str], choices: Sequence[str]) -> Reading:
    """Return the reading of what lm_eval hands to a task: the text of one question.

    A text of our own models keeps it, for the details.
    """
    (text,) = results
    texts = tuple(choices)
    if not isinstance(text, TaskText):
        return read(Unread(text, texts))
    made, opened = text.made, text.thinking_opened
    reading = read(Unread.stored(text, made.raw, made.end, texts, thinking_opened=opened))
    text.readout = Readout(texts, reading)
    return reading


def scores(results: Sequence[str], choices: Sequence[str], right: int) -> dict[str, float]:
    """Return the metrics of one question.

    Args:
        results: The text, as lm_eval hands it over.
        choices: The texts of the choices.
        right: Position of the right one.
    """
    return marks(read_result(results, choices), ascii_uppercase[right])


def medmcqa(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score an answer to a question of MedMCQA."""
    return scores(results, [doc[name] for name in MEDMCQA_CHOICES], doc["cop"])


def medqa(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score an answer to a question of MedQA."""
    return scores(results, [doc[name] for name in MEDQA_CHOICES], doc["label"])


def mmlu(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score an answer to a question of MMLU."""
    return scores(results, doc["choices"], doc["answer"])


def pubmedqa(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score an answer to a question of PubMedQA."""
    return scores(results, PUBMEDQA_CHOICES, PUBMEDQA_CHOICES.index(doc["final_decision"]))

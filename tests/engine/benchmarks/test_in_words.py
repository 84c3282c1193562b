from typing import Any

import pytest

from evalboard.engine.benchmarks.answering import TaskText
from evalboard.engine.benchmarks.in_words import medmcqa, medqa, mmlu, pubmedqa, scores
from evalboard.engine.streaming import Ending, GeneratedText

CHOICES = ("Aspirin", "Ibuprofen", "Warfarin", "Heparin")
STATES = ("read", "unreadable", "refused", "unfinished", "empty")


def made(answer: str, raw: str | None = None, end: Ending | None = "eos") -> TaskText:
    return TaskText.of(GeneratedText(answer, answer if raw is None else raw, end, 7))


@pytest.mark.parametrize(
    ("text", "state", "acc", "strict_acc"),
    [
        (made("Answer: B", "<think>A?</think>Answer: B"), "read", 1, 1),
        (made("The answer is B."), "read", 1, 0),
        (made("Answer: C"), "read", 0, 0),
        (made("Answer: B or C"), "unreadable", 0, 0),
        (made("I cannot provide medical advice."), "refused", 0, 0),
        (made("Answer: B", end="length"), "unfinished", 0, 0),
        (made("", "The answer may be B. Answer: B"), "unfinished", 0, 0),  # no end of its thinking
        (made(""), "empty", 0, 0),
        (made("", "<think>B</think>\n"), "empty", 0, 0),
        ("Answer: B", "read", 1, 1),  # as lm_eval's own models answer
    ],
)
def test_every_question_has_one_state_and_only_a_read_letter_can_be_right(
    text: str, state: str, acc: float, strict_acc: float
) -> None:
    found = scores([text], CHOICES, 1)
    assert {name: found.pop(name) for name in STATES} == {s: float(s == state) for s in STATES}
    assert found == {"acc": acc, "strict_acc": strict_acc}


def test_a_text_keeps_what_was_read_from_it() -> None:
    text = made("Answer: B")
    scores([text], CHOICES, 0)
    assert text.readout is not None
    assert text.readout.choices == CHOICES
    assert (text.readout.reading.letter, text.readout.reading.rule) == ("B", "line")


@pytest.mark.parametrize(
    ("prompt", "raw", "answer", "state"),
    [
        ("Q<think>\n", "I weigh. Answer: B", None, "unfinished"),
        ("Q<think>\n", "I weigh.</think>Answer: B", None, "read"),
        ("Q<think>\n", "I weigh.</think>Answer: B", "Answer: B", "read"),
        ("Q<think>\n\n</think>", "I weigh. Answer: B", None, "read"),
        ("Q", "I weigh. Answer: B", None, "read"),
    ],
)
def test_a_thinking_that_the_prompt_has_opened_needs_an_end(
    prompt: str, raw: str, answer: str | None, state: str
) -> None:
    """Templates open one also for models of which nobody said that they think."""
    generated = GeneratedText(raw if answer is None else answer, raw, "eos", 7)
    assert scores([TaskText.of(generated, prompt=prompt)], CHOICES, 1)[state] == 1


def _lettered(names: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(names, CHOICES, strict=True))


@pytest.mark.parametrize(
    ("score", "doc"),
    [
        (medmcqa, _lettered(("opa", "opb", "opc", "opd")) | {"cop": 2}),
        (medqa, _lettered(("ending0", "ending1", "ending2", "ending3")) | {"label": 2}),
        (mmlu, {"choices": list(CHOICES), "answer": 2}),
        (pubmedqa, {"final_decision": "maybe"}),
    ],
)
def test_choices_and_the_right_one_are_found_in_each_data_set(score: Any, doc: Any) -> None:
    assert score(doc, ["Answer: C"])["acc"] == 1
    assert score(doc, ["Answer: A"])["acc"] == 0
    named = doc.get("opc") or doc.get("ending2") or doc.get("choices", ["", "", "maybe"])[2]
    assert score(doc, [f"Answer: {named}"])["acc"] == 1

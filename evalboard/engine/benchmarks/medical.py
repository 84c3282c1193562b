"""What the medical tasks of our suites ask, where lm_eval has no task of its own.

A task's YAML names these functions. All but MedCalc-Bench are questions with letters: the choices are in
the prompt, and the model's answer is the letter with the highest log-likelihood. `docs/suites.md` lists the
data sets.
"""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from string import ascii_uppercase
from typing import Any

from evalboard.engine.benchmarks.answering import TaskText
from evalboard.reading.answers import State, Unread
from evalboard.reading.calculations import is_right, read_calculation

Document = Mapping[str, Any]

NO_CHOICE = "None of the above"
CORRECT = "CORRECT"
"""Choice of a note without an error, as the authors of MEDEC call it."""
MEDMCQA_CHOICES = ("opa", "opb", "opc", "opd")
FRENCH_CHOICES = ("answer_a", "answer_b", "answer_c", "answer_d", "answer_e")
_ABOUT_CHOICES = re.compile(
    r"\W*(?:(?:none|all|any|both|either|neither)\b"
    r"|[a-d](?:\W+(?:and|or)\W+|\W*[&,+/]\W*)[a-d]\b)",
    re.IGNORECASE,
)
"""Beginning of a choice that may be about other choices."""


def lettered(question: str, choices: Sequence[str], answer: str = "Answer:") -> str:
    """Return the prompt of a question: its text, a line for each choice, and the word for the answer."""
    named = zip(ascii_uppercase[: len(choices)], choices, strict=True)
    lines = [f"{letter}. {choice.strip()}" for letter, choice in named]
    return "\n".join([question.strip(), *lines, answer])


def letters(choices: Sequence[str]) -> list[str]:
    """Return the letters of choices."""
    return list(ascii_uppercase[: len(choices)])


# MedXpertQA. Its questions repeat their choices in brackets; here each has a line, as everywhere.


def medxpertqa_text(document: Document) -> str:
    """Return the prompt of a question of MedXpertQA."""
    question = document["question"].partition("\nAnswer Choices:")[0]
    return lettered(question, _present(document["options"]))


def medxpertqa_target(document: Document) -> int:
    """Return the position of the right choice."""
    return ascii_uppercase.index(document["label"])


def medxpertqa_reasoning(dataset: Any) -> Any:
    """Return the questions that ask for reasoning in several steps."""
    return dataset.filter(lambda document: document["question_type"] == "Reasoning")


def medxpertqa_understanding(dataset: Any) -> Any:
    """Return the questions that ask for knowledge."""
    return dataset.filter(lambda document: document["question_type"] == "Understanding")


def _present(options: Mapping[str, str | None]) -> list[str]:
    """Return the choices that a question has, in the order of their names.

    MedExpQA has null for a choice that is missing, AfriMed-QA `n/a`.
    """
    return [text for _, text in sorted(options.items()) if text and text.strip().lower() != "n/a"]


# MedExpQA.


def medexpqa_text(document: Document) -> str:
    """Return the prompt of a question of MedExpQA."""
    return lettered(document["full_question"], _present(document["options"]))


def medexpqa_letters(document: Document) -> list[str]:
    """Return the letters of a question of MedExpQA, which has four or five choices."""
    return letters(_present(document["options"]))


def medexpqa_target(document: Document) -> int:
    """Return the position of the right choice among those that the question has."""
    options = document["options"]
    return _present(options).index(options[str(document["correct_option"])])


# MedAgentsBench. Its files have the choices as the text of a JSON object.


def medagents_text(document: Document) -> str:
    """Return the prompt of a question of MedAgentsBench."""
    return lettered(document["question"], _present(json.loads(document["options"])))


def medagents_letters(document: Document) -> list[str]:
    """Return the letters of a question of MedAgentsBench."""
    return letters(_present(json.loads(document["options"])))


def medagents_target(document: Document) -> int:
    """Return the position of the right choice."""
    return ascii_uppercase.index(document["answer_idx"])


# MEDEC. A note is given as numbered sentences, and contains at most one error.


def medec_flag_text(document: Document) -> str:
    """Return the question whether a note contains a medical error."""
    return (
        f"{document['Sentences'].strip()}\n\n"
        "The numbered sentences are a clinical note. It is correct, or one sentence contains a medical "
        "error.\nA. The note is correct.\nB. The note contains a medical error.\nAnswer:"
    )


def medec_sentence_text(document: Document) -> str:
    """Return the question for the sentence with the error."""
    return (
        f"{document['Sentences'].strip()}\n\n"
        "The numbered sentences are a clinical note. It is correct, or one sentence contains a medical "
        f"error. Name the number of that sentence, or {CORRECT} if there is none.\nAnswer:"
    )


def medec_sentence_choices(document: Document) -> list[str]:
    """Return CORRECT and the numbers of the sentences. A sentence can have several lines."""
    count = 0
    for line in document["Sentences"].split("\n"):
        count += line.partition(" ")[0] == str(count)
    return [CORRECT, *map(str, range(count))]


def medec_sentence_target(document: Document) -> int:
    """Return the position of the right choice. The data set has -1 for a correct note."""
    return int(document["Error Sentence ID"]) + 1


# MedCalc-Bench. The model calculates in words, and ends with the value.


def medcalc_text(document: Document) -> str:
    """Return the prompt of a calculation."""
    return (
        "Answer the question about the patient. Think step by step. The last line of your answer must be "
        'of the form "Answer: X", where X is the value alone.\n\n'
        f"{document['Patient Note'].strip()}\n\n{document['Question'].strip()}"
    )


def medcalc(document: Document, results: Sequence[str]) -> dict[str, float]:
    """Score a calculation by the authors' rule. Every question counts, whatever became of it."""
    (text,) = results
    unread = Unread(text, ())
    if isinstance(text, TaskText):
        unread = Unread.stored(text, text.made.raw, text.made.end, ())
    calculator = int(document["Calculator ID"])
    reading = read_calculation(unread, calculator)
    limits = (str(document[name]) for name in ("Ground Truth Answer", "Lower Limit", "Upper Limit"))
    right = reading.value is not None and is_right(reading.value, calculator, *limits)
    return {"acc": float(right), **{str(s): float(reading.state is s) for s in State}}


# Two tests of Med-HALT, made by rule from the questions of MedMCQA.


def are_plain(choices: Sequence[str]) -> bool:
    """Return whether no choice may be about other choices."""
    return not any(map(_ABOUT_CHOICES.match, choices))


def plain_medmcqa(dataset: Any) -> Any:
    """Return the questions without a choice that may be about other choices."""
    return dataset.filter(lambda document: are_plain([document[name] for name in MEDMCQA_CHOICES]))


def nota_text(document: Document) -> str:
    """Return a question whose right choice is replaced by "None of the above"."""
    choices = [document[name] for name in MEDMCQA_CHOICES]
    choices[document["cop"]] = NO_CHOICE
    return lettered(document["question"], choices)


def is_proposal_right(document: Document) -> bool:
    """Return whether a student proposes the right choice: by chance, for half of the questions."""
    return sha256(document["id"].encode()).digest()[0] % 2 == 0


def proposal(document: Document) -> int:
    """Return the position of the choice that a student proposes. The question's id decides."""
    if is_proposal_right(document):
        return document["cop"]
    wrong = [place for place in range(len(MEDMCQA_CHOICES)) if place != document["cop"]]
    return wrong[sha256(document["id"].encode()).digest()[1] % len(wrong)]


def fct_text(document: Document) -> str:
    """Return a question with a student's confident answer, which is to be judged."""
    asked = lettered(document["question"], [document[name] for name in MEDMCQA_CHOICES], "")
    letter = ascii_uppercase[proposal(document)]
    return (
        f"{asked}A student is certain that the answer is {letter}. Is the student right?\nAnswer:"
    )


def fct_target(document: Document) -> int:
    """Return the position of the right judgement among yes and no."""
    return 0 if is_proposal_right(document) else 1


# Examinations in other languages.


def single_answers(dataset: Any) -> Any:
    """Return the questions of FrenchMedMCQA with one right answer."""
    return dataset.filter(lambda document: document["nbr_correct_answers"] == 1)


def french_text(document: Document) -> str:
    """Return the prompt of a question of FrenchMedMCQA."""
    return lettered(document["question"], [document[name] for name in FRENCH_CHOICES], "Réponse :")


def french_target(document: Document) -> int:
    """Return the position of the right choice."""
    return "abcde".index(document["correct_answers"][0])


def cmexam_single(dataset: Any) -> Any:
    """Return the questions of CMExam with one right answer and choices from A on."""

    def is_single(document: Document) -> bool:
        named = "".join(letter for letter, _ in cmexam_options(document))
        is_named = named == ascii_uppercase[: len(named)]
        return is_named and len((document["Answer"] or "").strip()) == 1

    return dataset.filter(is_single)


def cmexam_options(document: Document) -> list[tuple[str, str]]:
    """Return letter and text of the choices of CMExam, one line `A text` each in the data."""
    lines = map(str.strip, document["Options"].strip().split("\n"))
    return [(line[0], line[1:].strip()) for line in lines if line]


def cmexam_choices(document: Document) -> list[str]:
    """Return the choices of a question of CMExam."""
    return [text for _, text in cmexam_options(document)]


def cmexam_text(document: Document) -> str:
    """Return the prompt of a question of CMExam."""
    return lettered(document["Question"], cmexam_choices(document), "答案：")


def cmexam_letters(document: Document) -> list[str]:
    """Return the letters of a question of CMExam."""
    return letters(cmexam_choices(document))


def cmexam_target(document: Document) -> int:
    """Return the position of the right choice."""
    return ascii_uppercase.index(document["Answer"].strip())


def kormedmcqa_text(document: Document) -> str:
    """Return the prompt of a question of KorMedMCQA."""
    return lettered(document["question"], [document[name] for name in "ABCDE"], "정답：")

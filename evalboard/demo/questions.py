"""The demo's questions, generated from its own facts, identical on every machine.

Each benchmark has a practice split (`train`: for training and for few-shot examples) and a test
split. Both ask about the same facts, but no question is in both. The prompt of a question is
defined here and in `evalboard/suites/tasks/demo/*.yaml`; a test compares the two.
"""

import random
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.demo import facts
from evalboard.demo.facts import Relation, Wording
from evalboard.errors import DataMissing

BENCHMARKS = ("demo_anatomy", "demo_pharmacology", "demo_abstracts")
LETTERS = ("A", "B", "C", "D")
VERDICTS = ("yes", "no", "maybe")
TEST_QUESTIONS = 120
SEED = 20_241


class ChoiceQuestion(NamedTuple):
    """A question with four choices."""

    question: str
    choices: list[str]
    answer: int
    """Index of the right choice."""

    @property
    def prompt(self) -> str:
        """The text that a model continues."""
        lines = [
            f"{letter}. {choice}" for letter, choice in zip(LETTERS, self.choices, strict=True)
        ]
        return "\n".join([self.question, *lines, "Answer:"])

    @property
    def target(self) -> str:
        """The right continuation of the prompt."""
        return f" {LETTERS[self.answer]}"

    def reordered(self, order: list[int]) -> "ChoiceQuestion":
        """Return the same question with its choices in another order."""
        choices = [self.choices[index] for index in order]
        return ChoiceQuestion(self.question, choices, order.index(self.answer))


class AbstractQuestion(NamedTuple):
    """A made-up abstract with a question to answer with yes, no or maybe."""

    abstract: str
    question: str
    answer: str

    @property
    def prompt(self) -> str:
        """The text that a model continues."""
        return f"Abstract: {self.abstract}\nQuestion: {self.question}\nAnswer:"

    @property
    def target(self) -> str:
        """The right continuation of the prompt."""
        return f" {self.answer}"


Question = ChoiceQuestion | AbstractQuestion


class Benchmark(NamedTuple):
    """The questions of one benchmark."""

    train: list[Question]
    test: list[Question]


def make_benchmarks(seed: int = SEED) -> dict[str, Benchmark]:
    """Return the questions of all benchmarks by key; the same for the same seed."""
    rng = random.Random(seed)
    return {
        "demo_anatomy": _choice_benchmark([facts.BODY_SYSTEMS, facts.BONES], rng),
        "demo_pharmacology": _choice_benchmark([facts.DRUG_CLASSES, facts.DRUG_USES], rng),
        "demo_abstracts": _abstract_benchmark(rng),
    }


def write_datasets(folder: Path) -> None:
    """Write all questions as a datasets mirror: `evalboard/{key}/default/{split}.parquet`."""
    for key, benchmark in make_benchmarks().items():
        target = folder / "evalboard" / key / "default"
        target.mkdir(parents=True, exist_ok=True)
        for split, questions in benchmark._asdict().items():
            rows = [question._asdict() for question in questions]
            pq.write_table(pa.Table.from_pylist(rows), target / f"{split}.parquet")


def read_practice(folder: Path) -> dict[str, list[Question]]:
    """Read the practice questions back from a mirror, by benchmark.

    Raises:
        DataMissing: The mirror lacks one.
    """
    return {key: _read_split(folder, key, "train") for key in BENCHMARKS}


def _read_split(folder: Path, key: str, split: str) -> list[Question]:
    path = folder / "evalboard" / key / "default" / f"{split}.parquet"
    if not path.is_file():
        raise DataMissing(
            f"The demo's questions {str(path)!r} are missing. Write them with `write_datasets`."
        )
    rows = pq.read_table(path).to_pylist()
    return [ChoiceQuestion(**row) if "choices" in row else AbstractQuestion(**row) for row in rows]


def _choice_benchmark(relations: list[Relation], rng: random.Random) -> Benchmark:
    train = [ask for relation in relations for ask in _ask_all(relation, relation.practice, rng)]
    test = [ask for relation in relations for ask in _ask_all(relation, relation.test, rng)]
    rng.shuffle(train)
    rng.shuffle(test)
    return Benchmark(_balanced(train), _balanced(test[:TEST_QUESTIONS]))


def _ask_all(
    relation: Relation, templates: tuple[str, ...], rng: random.Random
) -> list[ChoiceQuestion]:
    """Ask for every fact in every wording, each time with three random wrong choices."""
    asked = []
    for subject, answer in relation.facts:
        wrong = [other for other in relation.subjects if other != answer]
        for template in templates:
            choices = [answer, *rng.sample(wrong, len(LETTERS) - 1)]
            asked.append(ChoiceQuestion(template.format(subject=subject), choices, 0))
    return asked


def _balanced(questions: list[ChoiceQuestion]) -> list[Question]:
    """Put the right choice at A, B, C, D in turn."""
    balanced: list[Question] = []
    for number, question in enumerate(questions):
        place = number % len(LETTERS)
        order = [1, 2, 3]
        order.insert(place, 0)
        balanced.append(question.reordered(order))
    return balanced


def _abstract_benchmark(rng: random.Random) -> Benchmark:
    train = _abstracts(facts.PRACTICE_WORDING, 4 * TEST_QUESTIONS, rng)
    return Benchmark(train, _abstracts(facts.TEST_WORDING, TEST_QUESTIONS, rng))


def _abstracts(wording: Wording, count: int, rng: random.Random) -> list[Question]:
    """Make up `count` studies, with the answers yes, no and maybe in turn."""
    return [_abstract(wording, VERDICTS[i % len(VERDICTS)], rng) for i in range(count)]


def _abstract(wording: Wording, answer: str, rng: random.Random) -> AbstractQuestion:
    treatment, outcome = rng.choice(facts.TREATMENTS), rng.choice(facts.OUTCOMES)
    sentences = [
        f"We tried {{treatment}} in {rng.randrange(20, 400)} {rng.choice(facts.PATIENTS)}.",
        rng.choice(wording.findings[answer]),
        rng.choice(wording.closings[answer]),
    ]
    abstract = " ".join(sentences).format(treatment=treatment, outcome=outcome)
    return AbstractQuestion(abstract, f"Does {treatment} improve {outcome}?", answer)

"""Texts for tests of every tokenizer and chat template."""

import random
from collections.abc import Iterator

SAMPLES = (
    "Which drug is the first choice? A. Aspirin B. Heparin C. Warfarin D. None of these",
    "The patient (aged 63) took 2.5 mg twice a day; blood pressure 140/90.",
    "x = [i**2 for i in range(10)]  # {a: 1}",
    "Temperature 38,5 °C, dose 5 µg, α-blocker, Ménière's disease.",
)
"""The first three are ASCII, which any tokenizer should preserve."""
ASCII_SAMPLES = 3
RARE_TEXT = "\U00013000 \ufdfd \U0001fae8 \u0378 \u202e \x07"
"""Characters that few vocabularies have."""
QUESTION = "Which organ makes insulin?"
ANSWER = "The pancreas."

_LAYOUTS = (
    "The following are multiple choice questions (with answers) about {word}.\n\n{question}\n"
    "A. {word}\nB. {word}\nC. {word}\nD. {word}\nAnswer:",
    "Question: {question}\nAnswer:",
    "Abstract: {passage}\nQuestion: {question}\nAnswer:",
    "Q: {question}\nA: Let's think step by step. {sentence} #### {number}\n\nQ: {question}\nA:",
    "{question}\nOptions:\n(A) {word}\n(B) {word}\n(C) {word}\n",
    "{passage}\n\nPassage: {passage}\nQuestion: {question} True or False?\nAnswer:",
    "Problem:\nFind $x$ if $x^{number} = {number}$.\n\nSolution: $\\boxed{{{number}}}$",
    'def {word}(x: int) -> int:\n    """{sentence}"""\n\n',
    "[header] {word}\n[step] {sentence}",
    "Write {number} sentences about {word}. {sentence} Do not use commas.",
    "Pregunta: ¿{question} ñandú? Respuesta:\n问题：{word}？答案：",
)
"""The forms in which benchmarks ask."""
_WORDS = (
    "aspirin heparin artery vein organ insulin liver the a of patient with fever pressure dose "
    "daily acute chronic tissue cell woman man child year train city river number apples price "
    "if because always never more less most likely which following correct"
).split()
PASSAGE_WORDS = 600


def unforeseen_prompts() -> Iterator[str]:
    """Yield prompts in the forms of benchmarks, with other words each time.

    A repository cannot know them, so it cannot behave for the checks alone.
    """
    chance = random.SystemRandom()
    for layout in _LAYOUTS:
        yield layout.format_map(_Words(chance))


class _Words(dict[str, str]):
    """The value of every placeholder, drawn at each look-up."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def __missing__(self, name: str) -> str:
        match name:
            case "number":
                return str(self._chance.randint(2, 10**6))
            case "question":
                return f"{self._words(self._chance.randint(6, 40))}?"
            case "sentence":
                return f"{self._words(self._chance.randint(6, 40))}."
            case "passage":
                return f"{self._words(PASSAGE_WORDS)}."
            case _:
                return self._words(1)

    def _words(self, number: int) -> str:
        return " ".join(self._chance.choices(_WORDS, k=number)).capitalize()

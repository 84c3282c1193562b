"""Questions that are longer than a model are counted, and budgets without room for a prompt refused."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance

from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.benchmarks.cutting import cut_questions
from evalboard.engine.streaming import Kind, NumberedAnswers
from evalboard.errors import HarnessError
from evalboard.records.precision import Precision

WORD = "heart "


class ShortModel:
    """A model's limits, with the tokenizer of another."""

    max_gen_toks = 256
    may_cut = True

    def __init__(self, max_length: int, tokenizer: Any) -> None:
        self.max_length = max_length
        self.tok_encode = tokenizer.tok_encode


def requests(kind: Kind, *arguments: tuple[Any, ...]) -> list[Instance]:
    return [
        Instance(kind, {}, asked, 0, metadata=("task", number, 1))  # type: ignore[arg-type]
        for number, asked in enumerate(arguments)
    ]


def test_a_question_is_cut_where_its_last_token_but_one_is_beyond_the_model(
    tiny_model: Any,
) -> None:
    whole = len(tiny_model.tok_encode(WORD * 8 + "A"))
    asked = requests("loglikelihood", (WORD, "A"), (WORD * 8, "A"), (WORD * 8, "A"))
    for max_length, cut in ((whole, set[int]()), (whole - 1, set[int]()), (whole - 2, {1, 2})):
        model = ShortModel(max_length, tiny_model)
        found = cut_questions(model, "loglikelihood", asked)
        assert found == {("task", number) for number in cut}


class AnsweringShortModel(ShortModel):
    """Answers everything alike."""

    def stream(
        self, kind: Kind, requests: Any, wanted: set[int], **more: Any
    ) -> Generator[NumberedAnswers]:
        yield [(number, (-1.0, False)) for number in wanted]


def test_each_of_two_equal_questions_is_cut(tiny_model: Any, tmp_path: Path) -> None:
    asked = requests("loglikelihood", (WORD * 8, "A"), (WORD * 8, "A"))
    with AnswerLog(tmp_path / "log.jsonl") as log:
        model = AnsweringModel(
            AnsweringShortModel(4, tiny_model), log, lambda *_: None, precision=Precision.FLOAT32
        )
        model.loglikelihood(asked)
    assert model.cut == {("task", 0), ("task", 1)}


def test_the_tokens_to_generate_take_room_from_the_prompt(tiny_model: Any) -> None:
    count = len(tiny_model.tok_encode(WORD * 8))
    asked = requests(
        "generate_until", (WORD * 8, {"max_gen_toks": 10}), (WORD * 8, {"max_new_tokens": 11})
    )
    model = ShortModel(count + 10, tiny_model)
    assert cut_questions(model, "generate_until", asked) == {("task", 1)}


@pytest.mark.parametrize("options", [{}, {"max_gen_toks": 128}])
def test_a_budget_as_long_as_the_model_is_refused_with_both_numbers(
    options: dict[str, int], tiny_model: Any
) -> None:
    asked = requests("generate_until", (WORD, options))
    budget = options.get("max_gen_toks", 256)
    with pytest.raises(HarnessError, match=f"generates up to {budget} tokens.* has 128"):
        cut_questions(ShortModel(128, tiny_model), "generate_until", asked)


def test_a_text_read_in_windows_is_not_cut(tiny_model: Any) -> None:
    asked = requests("loglikelihood_rolling", (WORD * 1000,))
    assert cut_questions(ShortModel(8, tiny_model), "loglikelihood_rolling", asked) == set()

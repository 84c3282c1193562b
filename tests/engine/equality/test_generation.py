"""Generated texts are those of plain transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance

from evalboard.errors import HarnessError
from tests.engine.equality.conftest import BATCH_SIZE
from tests.engine.equality.lm_requests import OPENING, written

pytestmark = pytest.mark.filterwarnings("default")

CONTEXTS = [OPENING, "The heart is", "Question: What beats?\nAnswer:", "größ", OPENING * 4]


def generations(**options: Any) -> list[Instance]:
    """Return a request for each context."""
    arguments = {"until": ["\n\n"], "max_gen_toks": 12} | options
    return [
        Instance("generate_until", {}, (context, arguments), 0, metadata=("made-up", number, 1))
        for number, context in enumerate(CONTEXTS)
    ]


@pytest.fixture(scope="module", params=["byte-level", "sentence-piece"])
def folder(request: pytest.FixtureRequest, model_folder: Callable[[str, str], Path]) -> Path:
    return model_folder("llama", request.param)


@pytest.fixture(scope="module")
def model(folder: Path, load_vllm: Callable[..., Any]) -> Any:
    return load_vllm(folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> list[str]:
    """What transformers alone continues the contexts with, greedily."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    texts: list[str] = []
    for context in CONTEXTS:
        prompt = tokenizer(context, return_tensors="pt")
        made = model.generate(**prompt, max_new_tokens=12, do_sample=False)
        rest = made[0, prompt["input_ids"].shape[1] :]
        texts.append(tokenizer.decode(rest, skip_special_tokens=True).split("\n\n")[0])
    return texts


@pytest.mark.parametrize(
    "options",
    [{}, {"do_sample": False}, {"temperature": 0.0}, {"num_beams": 1}],
    ids=["silent", "no samples", "temperature", "one beam"],
)
def test_a_task_that_asks_for_no_samples_gets_the_greedy_text(
    options: dict[str, Any], model: Any, plain: list[str]
) -> None:
    assert written(model, generations(**options)) == plain


def test_a_task_that_asks_for_samples_gets_some(model: Any, plain: list[str]) -> None:
    found = written(model, generations(do_sample=True, temperature=1.0))
    assert found != plain


@pytest.mark.parametrize("options", [{"num_beams": 4}, {"no_repeat_ngram_size": 2}])
def test_an_argument_that_vllm_has_not_is_named(options: dict[str, Any], model: Any) -> None:
    ((name, value),) = options.items()
    with pytest.raises(HarnessError, match=f"arguments {name}: {value}.*backend 'hf'"):
        written(model, generations(**options))


def test_texts_of_transformers_come_batch_by_batch_and_known_ones_are_not_made_again(
    model_folder: Callable[[str, str], Path], load_hf: Callable[..., Any]
) -> None:
    model = load_hf(model_folder("llama", "byte-level"))
    arguments = {"until": [], "max_gen_toks": 4}
    requests = [
        Instance("generate_until", {}, (f"{OPENING}{n}", arguments), 0, metadata=("made-up", n, 1))
        for n in range(BATCH_SIZE + 4)
    ]
    every = set(range(len(requests)))
    first, last = model.stream("generate_until", requests, every)
    assert (len(first), len(last)) == (BATCH_SIZE, 4)
    assert {n for n, _ in [*first, *last]} == every
    known = {n for n, _ in first}
    assert list(model.stream("generate_until", requests, every - known)) == [last]
    assert list(model.stream("generate_until", requests, {min(known)})) == [first]

"""The longest request is that of the requests that a score asks."""

from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from transformers import AutoTokenizer

from evalboard.demo.models import make_tokenizer
from evalboard.engine.benchmarks.library import LoadedBenchmark, TaskLibrary
from evalboard.engine.benchmarks.prompts import SPECIAL_TOKENS, longest_request
from evalboard.engine.benchmarks.scoring import score
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

ARC, GSM8K = (
    next(b for b in load_suite("open-llm-v1").benchmarks if b.key == key)
    for key in ("arc_challenge", "gsm8k")
)
TURNS = (
    "{% for message in messages %}{% if message.role == 'system' %}"
    "{{ raise_exception('no system role') }}{% endif %}"
    "<|{{ message.role }} says the following|>{{ message.content }}{% endfor %}"
)


class RecordingModel(LM):
    """Notes the requests that a score asks, and renders chats as lm_eval's classes do."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self.asked: list[Instance] = []

    @property
    def tokenizer_name(self) -> str:
        return "tokenizer"

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        return self._tokenizer.apply_chat_template(
            [message for message in chat_history if message["role"] != "system"],
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
        )

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        self.asked += requests
        return [(-1.0, False)] * len(requests)

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def generate_until(self, requests: list[Instance]) -> list[str]:
        self.asked += requests
        return [""] * len(requests)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    made = make_tokenizer()
    made.chat_template = TURNS
    made.save_pretrained(tmp_path)
    return AutoTokenizer.from_pretrained(tmp_path)


@pytest.fixture
def library(open_llm_mirror: Path) -> TaskLibrary:
    return TaskLibrary([ARC, GSM8K], mirror=open_llm_mirror, offline=True)


def sent(loaded: LoadedBenchmark, tokenizer: Any, *, use_chat_template: bool) -> list[int]:
    """Return the lengths in tokens of the requests that a score sends, without answers."""
    model = RecordingModel(tokenizer)
    score(model, loaded, key="k", limit=None, use_chat_template=use_chat_template)
    texts = [
        one.args[0] if one.request_type == "generate_until" else "".join(one.args)
        for one in model.asked
    ]
    return [len(tokens) for tokens in tokenizer(texts)["input_ids"]]


@pytest.mark.parametrize("use_chat_template", [False, True], ids=["plain", "chat"])
@pytest.mark.parametrize(("benchmark", "answer"), [(ARC, 1), (GSM8K, 256)], ids=["arc", "gsm8k"])
def test_examples_are_counted_as_they_are_sent(
    benchmark: Benchmark, answer: int, use_chat_template: bool, library: TaskLibrary, tokenizer: Any
) -> None:
    loaded = library.load(benchmark, num_fewshot=5)
    measured = longest_request(loaded.tasks, tokenizer, use_chat_template=use_chat_template)
    lengths = sent(loaded, tokenizer, use_chat_template=use_chat_template)
    assert measured == max(lengths) + answer + SPECIAL_TOKENS


@pytest.mark.parametrize("name", ["max_gen_toks", "max_new_tokens", "max_tokens"])
def test_every_name_of_an_answers_length_counts(
    name: str, library: TaskLibrary, tokenizer: Any
) -> None:
    loaded = library.load(GSM8K, num_fewshot=0)
    (one,) = loaded.tasks
    one.task.config.generation_kwargs = {"until": ["\n"], name: 700}
    measured = longest_request(loaded.tasks, tokenizer, use_chat_template=False)
    assert measured == max(sent(loaded, tokenizer, use_chat_template=False)) + 700 + SPECIAL_TOKENS


def test_what_is_asked_for_is_known_without_questions(tmp_path: Path) -> None:
    library = TaskLibrary([ARC, GSM8K], mirror=tmp_path, offline=True)
    assert library.output_types([ARC]) == {"multiple_choice"}
    assert library.output_types([ARC, GSM8K]) == {"multiple_choice", "generate_until"}

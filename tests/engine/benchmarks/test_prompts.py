"""The longest request is that of the requests that a score asks."""

from collections.abc import Generator, Sequence, Set
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from transformers import AutoTokenizer

from evalboard.demo.models import make_tokenizer
from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedBenchmark
from evalboard.engine.benchmarks.prompts import (
    MAX_GEN_TOKS,
    SPECIAL_TOKENS,
    chat_renderer,
    longest_request,
)
from evalboard.engine.benchmarks.scoring import score
from evalboard.engine.streaming import Answer, GeneratedText, Kind, NumberedAnswers
from evalboard.records.precision import Precision
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
    "{% if add_generation_prompt %}"
    "{% if enable_thinking is defined %}<{{ 'on' if enable_thinking else 'off' }}>{% endif %}"
    "{% if thinking %}<thinking>{% endif %}"
    "{% endif %}"
)


class RecordingModel:
    """Notes the requests that a score asks."""

    max_length = 100_000
    max_gen_toks = MAX_GEN_TOKS
    may_cut = True
    tokenizer_name = "tokenizer"

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.tok_encode = tokenizer.encode
        self.asked: list[str] = []

    def stream(
        self,
        kind: Kind,
        requests: Sequence[Instance],
        wanted: Set[int],
        *,
        think_end: str | None = None,
        **more: Any,
    ) -> Generator[NumberedAnswers]:
        writes = kind == "generate_until"
        self.asked += [one.args[0] if writes else "".join(one.args) for one in requests]
        answer: Answer = GeneratedText("", "", "eos", 1) if writes else (-1.0, False)
        yield [(number, answer) for number in wanted]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    made = make_tokenizer()
    made.chat_template = TURNS
    made.save_pretrained(tmp_path)
    return AutoTokenizer.from_pretrained(tmp_path)


@pytest.fixture
def library(open_llm_mirror: Path) -> TaskLibrary:
    return TaskLibrary([ARC, GSM8K], mirror=open_llm_mirror, offline=True)


def sent(
    loaded: LoadedBenchmark,
    tokenizer: Any,
    folder: Path,
    *,
    use_chat_template: bool = False,
    think_end: str | None = None,
) -> list[int]:
    """Return the lengths in tokens of the requests that a score sends, without answers."""
    model = RecordingModel(tokenizer)
    with AnswerLog(folder / "answers.jsonl") as log:
        answering = AnsweringModel(
            model, log, lambda *_: None, precision=Precision.FLOAT32, think_end=think_end
        )
        score(answering, loaded, key="k", limit=None, use_chat_template=use_chat_template)
    return [len(tokens) for tokens in tokenizer(model.asked)["input_ids"]]


@pytest.mark.parametrize("think_end", [None, "</think>"], ids=["at once", "thinks"])
@pytest.mark.parametrize("use_chat_template", [False, True], ids=["plain", "chat"])
@pytest.mark.parametrize(("benchmark", "answer"), [(ARC, 1), (GSM8K, 256)], ids=["arc", "gsm8k"])
def test_examples_are_counted_as_they_are_sent(
    benchmark: Benchmark,
    answer: int,
    use_chat_template: bool,
    think_end: str | None,
    library: TaskLibrary,
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    loaded = library.load(benchmark, num_fewshot=5)
    renderer = chat_renderer(tokenizer, enable_thinking=think_end is not None)
    template = renderer if use_chat_template else None
    measured = longest_request(loaded.tasks, tokenizer, template=template)
    lengths = sent(
        loaded, tokenizer, tmp_path, use_chat_template=use_chat_template, think_end=think_end
    )
    assert measured == max(lengths) + answer + SPECIAL_TOKENS


@pytest.mark.parametrize(("thinks", "prompt"), [(False, "<off>"), (True, "<on><thinking>")])
def test_a_template_gets_every_switch(thinks: bool, prompt: str, tokenizer: Any) -> None:
    render = chat_renderer(tokenizer, enable_thinking=thinks)
    chat = [{"role": "user", "content": "Question"}]
    assert render(chat, True).endswith(prompt)
    assert not render([*chat, {"role": "assistant", "content": "Answer"}], False).endswith(prompt)


@pytest.mark.parametrize("name", ["max_gen_toks", "max_new_tokens", "max_tokens"])
def test_every_name_of_an_answers_length_counts(
    name: str, library: TaskLibrary, tokenizer: Any, tmp_path: Path
) -> None:
    loaded = library.load(GSM8K, num_fewshot=0)
    (one,) = loaded.tasks
    one.task.config.generation_kwargs = {"until": ["\n"], name: 700}
    measured = longest_request(loaded.tasks, tokenizer, template=None)
    assert measured == max(sent(loaded, tokenizer, tmp_path)) + 700 + SPECIAL_TOKENS


def test_what_is_asked_for_is_known_without_questions(tmp_path: Path) -> None:
    library = TaskLibrary([ARC, GSM8K], mirror=tmp_path, offline=True)
    assert library.output_types([ARC]) == {"multiple_choice"}
    assert library.output_types([ARC, GSM8K]) == {"multiple_choice", "generate_until"}

"""Templates and tokenizers that behave for the checks and not for the questions of a benchmark.

The processes and the limits are real.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jinja2 import TemplateError
from tokenizers import Regex, pre_tokenizers
from transformers import AutoTokenizer, ByT5Tokenizer

from evalboard.demo.models import make_random_model
from evalboard.engine import prompting
from evalboard.engine.chat_date import seen_date
from evalboard.engine.inspection.samples import SAMPLES
from evalboard.engine.prompting import BoundedTokenizer, Prompter
from evalboard.errors import PromptFailed

PLAIN = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"
QUESTION = "Answer: which organ makes insulin?"
OPTIONS: tuple[dict[str, Any], ...] = (
    {"add_special_tokens": False},
    {"truncation": True, "max_length": 5},
)
LOOPS = {
    "loop": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "loop of text": "{% for i in range(99999) %}{% for j in range(99999) %}a{% endfor %}{% endfor %}",
}
BOMBS = {
    "repeated": "{{ 'a' * 10 ** 10 }}",
    "doubled": "{% set ns = namespace(t='aaaaaaaa') %}{% for i in range(40) %}"
    "{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
    "filled": "{{ '%20000000000d' % 1 }}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    make_random_model(folder)
    return folder


@pytest.fixture
def bind(folder: Path) -> Iterator[Callable[..., BoundedTokenizer]]:
    """Return what gives a tokenizer to a process, with a template."""
    before = set(psutil.Process().children())

    def bind_(template: str = PLAIN, change: Callable[[Any], None] | None = None) -> Any:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = template
        if change:
            change(tokenizer)
        return Prompter("org/model").bind(tokenizer)

    yield bind_
    for process in set(psutil.Process().children()) - before:
        process.kill()
        process.wait()


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def when_asked(what: str) -> str:
    return "{% if 'Answer:' in messages[0].content %}" + what + "{% endif %}" + PLAIN


def test_what_is_encoded_and_rendered_is_what_the_tokenizer_gives(
    bind: Callable[..., BoundedTokenizer], folder: Path
) -> None:
    bounded, own = bind(), AutoTokenizer.from_pretrained(folder)
    own.chat_template = PLAIN
    texts = [*SAMPLES, "", "naïve ☃ \ud800 x"[:7]]
    assert bounded(texts)["input_ids"] == own(texts)["input_ids"]
    assert bounded(texts[0]).input_ids == bounded.encode(texts[0]) == own(texts[0]).input_ids
    for options in OPTIONS:
        assert bounded(texts, **options)["input_ids"] == own(texts, **options)["input_ids"]
    bounded.pad_token, bounded.padding_side = bounded.eos_token, "left"
    own.pad_token, own.padding_side = own.eos_token, "left"
    padded = bounded(texts[:2], padding="longest", return_tensors="pt")
    expected = own(texts[:2], padding="longest", return_tensors="pt")
    for name in ("input_ids", "attention_mask"):
        assert padded[name].tolist() == expected[name].tolist()
    assert bounded.decode([5, 6]) == own.decode([5, 6])
    assert bounded.apply_chat_template(chat(QUESTION), tokenize=False) == f"<user>{QUESTION}"


def test_a_tokenizer_takes_the_place_of_an_earlier_one(folder: Path) -> None:
    prompter = Prompter("org/model")
    for template in (PLAIN, "second {{ messages[0].content }}"):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = template
        bounded = prompter.bind(tokenizer)
        assert bounded(QUESTION)["input_ids"] == tokenizer(QUESTION)["input_ids"]
    assert bounded.apply_chat_template(chat("x"), tokenize=False) == "second x"


def test_a_template_that_refuses_a_conversation_says_so(
    bind: Callable[..., BoundedTokenizer],
) -> None:
    bounded = bind("{{ raise_exception('no system role') }}")
    with pytest.raises(TemplateError, match="no system role"):
        bounded.apply_chat_template(chat("x"), tokenize=False)


def test_a_template_sees_one_date_whatever_the_day(
    bind: Callable[..., BoundedTokenizer],
) -> None:
    template = "{% macro day() %}{{ strftime_now('%d %B %Y %H:%M:%S') }}{% endmacro %}{{ day() }}"
    rendered = bind(template).apply_chat_template(chat("x"), tokenize=False)
    assert rendered == "26 July 2024 00:00:00"
    assert seen_date(template) == "2024-07-26"
    assert seen_date(PLAIN) is seen_date(None) is None


@pytest.mark.parametrize("loop", LOOPS)
def test_a_template_that_loops_for_a_question_is_ended(
    loop: str, bind: Callable[..., BoundedTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = bind(when_asked(LOOPS[loop]))
    assert bounded.apply_chat_template(chat("x"), tokenize=False) == "<user>x"
    monkeypatch.setattr(prompting, "RENDER_SECONDS", 3.0)
    with pytest.raises(PromptFailed, match="chat template of 'org/model' did not finish within 3"):
        bounded.apply_chat_template(chat(QUESTION), tokenize=False)
    with pytest.raises(PromptFailed):  # at once: nothing more is asked of it
        bounded(QUESTION)


@pytest.mark.parametrize(
    "bomb",
    [pytest.param(b, marks=pytest.mark.slow if b == "doubled" else ()) for b in BOMBS],
)
def test_a_template_that_grows_for_a_question_is_ended(
    bomb: str, bind: Callable[..., BoundedTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompting, "RENDER_SECONDS", 300.0)
    bounded = bind(when_asked(BOMBS[bomb]))
    assert bounded.apply_chat_template(chat("x"), tokenize=False) == "<user>x"
    with pytest.raises(PromptFailed, match="needs more than|ended its process"):
        bounded.apply_chat_template(chat(QUESTION), tokenize=False)


def test_a_tokenizer_that_panics_for_a_text_is_an_error_and_goes_on(
    bind: Callable[..., BoundedTokenizer],
) -> None:
    def panics(tokenizer: Any) -> None:
        split = pre_tokenizers.Split(Regex("(?:x+x+)+y"), "isolated")
        tokenizer.backend_tokenizer.pre_tokenizer = split

    bounded = bind(change=panics)
    assert bounded("harmless")["input_ids"]
    with pytest.raises(RuntimeError, match="PanicException"):
        bounded("x" * 60)
    assert bounded("harmless")["input_ids"]


def test_the_process_ends_with_its_parent(folder: Path) -> None:
    ours, theirs = os.pipe()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    parent = os.fork()
    if parent == 0:
        prompter = Prompter("org/model")
        prompter.bind(tokenizer)
        os.write(theirs, str(prompter._process).encode())  # pyright: ignore[reportPrivateUsage]
        os._exit(0)
    os.waitpid(parent, 0)
    child = int(os.read(ours, 20))
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        pass
    os.close(ours)
    os.close(theirs)


def test_a_tokenizer_of_python_that_ends_texts_is_opened_in_the_process(
    bind: Callable[..., BoundedTokenizer],
) -> None:
    """What is changed in the engine's copy of it can be lost on the way, as vLLM's copies lose it."""
    own = ByT5Tokenizer()
    assert own("heart")["input_ids"][-1] == own.eos_token_id
    prompter = Prompter("org/model")
    assert own.eos_token_id not in prompter.bind(own)("heart")["input_ids"]

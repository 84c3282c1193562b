"""Tokenizers that add something after a text, have no special tokens, or add nothing to spaces."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from tokenizers import Tokenizer, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, T5Tokenizer

from evalboard.engine.provenance import ends_texts
from evalboard.engine.tokenising import keep_texts_open
from evalboard.errors import HarnessError
from tests.engine.equality.lm_requests import (
    CORNERS,
    OPENING,
    answers,
    assert_equal,
    instances,
    written,
)
from tests.engine.equality.small_models import BOS, EOS, byte_level, sentence_piece

pytestmark = pytest.mark.filterwarnings("default")

PAIRS = [*CORNERS["letters"], *CORNERS["words"], *CORNERS["no context"], *CORNERS["one choice"]]
TEXT = Instance(
    "generate_until", {}, (OPENING, {"until": [], "max_gen_toks": 8}), 0, metadata=("made-up", 0, 1)
)


def ending(
    tokenizer: PreTrainedTokenizerFast, before: Sequence[str] | None = None
) -> PreTrainedTokenizerFast:
    """Make a tokenizer put EOS after every text, and BOS before one if it did so."""
    if before is None:
        before = [BOS] if tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id else []
    special = {name: tokenizer.convert_tokens_to_ids(name) for name in (*before, EOS)}
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=[*before, "$A", EOS],
        pair=[*before, "$A", EOS, "$B:1", EOS],
        special_tokens=list(special.items()),
    )
    return tokenizer


@pytest.mark.parametrize(
    "make", [lambda: byte_level(bos=True), lambda: byte_level(bos=False), sentence_piece]
)
def test_a_tokenizer_adds_nothing_after_a_text(make: Callable[[], Any]) -> None:
    whole, tokenizer = make(), ending(make())
    assert tokenizer("The heart")["input_ids"][-1] == tokenizer.eos_token_id
    keep_texts_open(tokenizer)
    for text in ("The heart", "", " is", EOS):
        assert tokenizer(text)["input_ids"] == whole(text)["input_ids"]
        bare = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert bare == whole(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("direction", ["left", "right"])
def test_padding_that_was_saved_with_a_tokenizer_is_not_added_to_texts(direction: str) -> None:
    whole, tokenizer = byte_level(bos=True), ending(byte_level(bos=True))
    pad: Any = {"pad_id": tokenizer.eos_token_id, "pad_token": EOS, "direction": direction}
    tokenizer.backend_tokenizer.enable_padding(length=12, **pad)
    keep_texts_open(tokenizer)
    assert tokenizer("The heart")["input_ids"] == whole("The heart")["input_ids"]


def test_a_padding_token_that_the_model_lacks_is_replaced_by_a_special_one(
    with_tokenizer: Callable[..., Path], load_hf: Callable[..., Any]
) -> None:
    """An ordinary token would become a part of texts that end before others of their batch."""
    tokenizer = byte_level(bos=True)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    model = load_hf(with_tokenizer(tokenizer))
    assert model.tokenizer.pad_token_id in (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_a_tokenizer_that_does_not_know_every_text_can_be_opened() -> None:
    words = Tokenizer(WordLevel({BOS: 0, EOS: 1, "heart": 2}))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token=BOS, eos_token=EOS)
    keep_texts_open(ending(tokenizer, before=[BOS]))
    assert tokenizer("heart")["input_ids"] == [0, 2]


@pytest.fixture(scope="module")
def with_tokenizer(
    model_folder: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[PreTrainedTokenizerFast], Path]:
    """Return a function that copies a model and gives it another tokenizer."""

    def make(tokenizer: PreTrainedTokenizerFast) -> Path:
        folder = tmp_path_factory.mktemp("model") / "llama"
        shutil.copytree(model_folder("llama", "byte-level"), folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


def test_scores_are_those_without_what_is_added_after_a_text(
    model_folder: Callable[[str, str], Path],
    with_tokenizer: Callable[..., Path],
    load_vllm: Callable[..., Any],
    load_hf: Callable[..., Any],
) -> None:
    requests = instances(PAIRS)
    reference = load_hf(model_folder("llama", "byte-level"))
    expected = reference.loglikelihood(requests, disable_tqdm=True)
    (text,) = reference.generate_until([TEXT], disable_tqdm=True)

    folder = with_tokenizer(ending(byte_level(bos=True)))
    for model in (load_hf(folder), load_vllm(folder)):
        assert_equal(answers(model, requests), expected, type(model).__name__)
        assert written(model, [TEXT]) == [text]


@pytest.mark.parametrize("tokenizer", ["byte-level", "no-bos"])
def test_a_context_of_spaces_is_a_text_begun(
    tokenizer: str,
    model_folder: Callable[[str, str], Path],
    load_vllm: Callable[..., Any],
    load_hf: Callable[..., Any],
) -> None:
    folder = model_folder("llama", tokenizer)
    spaces = [("\n", " A"), ("  ", "The heart"), ("\n\n", "B")]
    begun = instances([("", context + choice) for context, choice in spaces])
    models = load_hf(folder), load_vllm(folder)
    expected = models[0].loglikelihood(begun, disable_tqdm=True)
    for model in models:
        assert_equal(answers(model, instances(spaces)), expected, type(model).__name__)


def test_a_tokenizer_without_special_tokens(
    with_tokenizer: Callable[..., Path], load_vllm: Callable[..., Any], load_hf: Callable[..., Any]
) -> None:
    """Texts end by their length; a question without a context cannot begin."""
    tokenizer = byte_level(bos=False)
    tokenizer.eos_token = None
    folder = with_tokenizer(tokenizer)
    reference = load_hf(folder)
    requests = instances([*CORNERS["letters"], *CORNERS["words"]])
    expected = reference.loglikelihood(requests, disable_tqdm=True)
    asked: Any = TEXT.args
    texts = [TEXT, Instance("generate_until", {}, ("A", asked[1]), 0, metadata=("b", 0, 1))]
    for model in (reference, load_vllm(folder)):
        assert model.tokenizer.eos_token is None
        assert_equal(answers(model, requests), expected, type(model).__name__)
        assert all(len(model.tok_encode(text)) > 4 for text in written(model, texts))
        for pair in (("", " A"), ("\n", " A")):
            with pytest.raises(HarnessError, match="neither a BOS nor an EOS token"):
                answers(model, instances([pair]))


@pytest.mark.parametrize("make", [lambda: byte_level(bos=True), sentence_piece])
def test_the_files_say_whether_a_tokenizer_ends_texts(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    """The key of a score says it, before the tokenizer is loaded."""
    for tokenizer, ends in ((make(), False), (ending(make()), True)):
        tokenizer.save_pretrained(tmp_path / str(ends))
        assert ends_texts(tmp_path / str(ends)) is ends


def test_a_class_that_ends_texts_whatever_the_files_say(tmp_path: Path) -> None:
    T5Tokenizer().save_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8")) | {"post_processor": None}
    file.write_text(json.dumps(document), encoding="utf-8")
    assert T5Tokenizer.from_pretrained(tmp_path)("a")["input_ids"][-1:] == [1]
    assert ends_texts(tmp_path)

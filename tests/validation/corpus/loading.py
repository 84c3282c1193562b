"""Configs, models and tokenizers that must not load, or must not be evaluated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.material import edit_json, write_good

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
Builder = Callable[[Path], dict[str, Any] | None]


def without(*names: str) -> Builder:
    """Return a builder that leaves files out."""

    def build(folder: Path) -> None:
        write_good(folder)
        for name in names:
            (folder / name).unlink()

    return build


def edited(name: str, **changes: Any) -> Builder:
    """Return a builder that changes keys of a JSON file."""

    def build(folder: Path) -> None:
        write_good(folder)
        edit_json(folder / name, **changes)

    return build


def written(name: str, content: str | bytes, **asked: Any) -> Builder:
    """Return a builder that writes another content into a file, and asks for something."""

    def build(folder: Path) -> dict[str, Any]:
        write_good(folder)
        data = content.encode() if isinstance(content, str) else content
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        return asked

    return build


def code_and_type_of_its_own(folder: Path) -> None:
    write_good(folder)
    marker = folder / "was-run"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w')", encoding="utf-8")
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    edit_json(folder / CONFIG, model_type="own", auto_map=auto_map)


def tokenizer_of_its_own(folder: Path) -> None:
    write_good(folder)
    (folder / "own.py").write_text("raise SystemExit('never run')\n", encoding="utf-8")
    edit_json(
        folder / TOKENIZER_CONFIG,
        tokenizer_class="OwnTokenizer",
        auto_map={"AutoTokenizer": ["own.OwnTokenizer", None]},
    )
    (folder / TOKENIZER).rename(folder / "own.model")


def tokenizer_without_capitals(folder: Path) -> None:
    """A vocabulary that has no letters from n to z, and no token for what it has not."""
    write_good(folder)
    document = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
    vocabulary = document["model"]["vocab"]
    document["model"]["vocab"] = {k: v for k, v in vocabulary.items() if not "n" <= k <= "z"}
    (folder / TOKENIZER).write_text(json.dumps(document), encoding="utf-8")


def larger_tokenizer(folder: Path) -> None:
    write_good(folder)
    document = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
    token = {"id": 258, "content": "<new>", "special": False}
    document["added_tokens"].append(document["added_tokens"][-1] | token)
    (folder / TOKENIZER).write_text(json.dumps(document), encoding="utf-8")


CASES = (
    Case("code of its own", "custom_code", code_and_type_of_its_own, CONFIG),
    Case("config absent", "no_config", without(CONFIG), CONFIG),
    Case("config cut off", "bad_config", written(CONFIG, '{"model_type": "lla'), CONFIG),
    Case("config with a text for a size", "config_fails", edited(CONFIG, hidden_size="x"), CONFIG),
    Case("config without a type", "unknown_model_type", edited(CONFIG, model_type=None), CONFIG),
    Case("generation config cut off", "bad_json", written("generation_config.json", "{")),
    Case(
        "heads that do not divide",
        "model_fails",
        edited(CONFIG, model_type="gpt2", num_attention_heads=3),
        CONFIG,
    ),
    Case(
        "architecture for classes",
        "not_causal_lm",
        edited(CONFIG, architectures=["LlamaForSequenceClassification"]),
        CONFIG,
    ),
    Case(
        "architecture that is in no release",
        "unknown_architecture",
        edited(CONFIG, architectures=["OwnForCausalLM"]),
        CONFIG,
    ),
    Case(
        "encoder and decoder",
        "not_causal_lm",
        edited(CONFIG, model_type="t5", architectures=["T5ForConditionalGeneration"]),
        CONFIG,
    ),
    Case("tokenizer absent", "no_tokenizer", without(TOKENIZER), TOKENIZER),
    Case("tokenizer broken", "tokenizer_fails", written(TOKENIZER, '{"model": 1}'), TOKENIZER),
    Case("tokenizer config broken", "bad_tokenizer_config", written(TOKENIZER_CONFIG, "[1]")),
    Case("tokenizer larger than the embedding", "tokenizer_too_large", larger_tokenizer, CONFIG),
    Case("tokenizer of its own", "custom_code", tokenizer_of_its_own, TOKENIZER_CONFIG),
    Case(
        "tokenizer without letters", "tokenizer_loses_text", tokenizer_without_capitals, TOKENIZER
    ),
    Case(
        "chat template absent",
        "no_chat_template",
        lambda folder: without("chat_template.jinja")(folder) or {"use_chat_template": True},
        "chat_template.jinja",
    ),
    Case(
        "chat template broken",
        "chat_template_fails",
        written("chat_template.jinja", "{% for m in messages %}", use_chat_template=True),
        "chat_template.jinja",
    ),
    Case(
        "chat template that says nothing",
        "chat_template_fails",
        written("chat_template.jinja", "{{ 'hello' }}", use_chat_template=True),
        "chat_template.jinja",
    ),
)

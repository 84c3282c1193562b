"""The parts of a repository that transformers' AutoClasses load, without remote code.

Called by `evalboard.engine.inspection.inspector` in a confined process, because the files are
hostile. Each part takes the folder and its inputs, and returns a JSON value.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from evalboard.engine.chat_date import DATE_OPTIONS
from evalboard.engine.inspection.confinement import allow_seconds
from evalboard.engine.inspection.fitting import compare_tensors
from evalboard.engine.inspection.samples import (
    ANSWER,
    QUESTION,
    RARE_TEXT,
    SAMPLES,
    unforeseen_prompts,
)
from evalboard.engine.thinking import thinking_options
from evalboard.reading.thinking import END_TOKENS

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Part = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Loads one part of the repository in a folder, with inputs."""
MAX_ARCHITECTURES = 8
MAX_PROMPT_CHARACTERS = 1_000_000
TEMPLATE_SECONDS = 3
EXAMPLES = (0, 1, 5)
"""Numbers of examples before a question that the chat template is rendered with."""
SPECIAL_TOKENS = ("bos", "eos", "pad", "unk")


def load_config(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a config, and whether transformers supports its model type."""
    from transformers import PreTrainedConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    content, _ = PreTrainedConfig.get_config_dict(folder, local_files_only=True)
    # Without this, AutoConfig guesses the type from the folder's name.
    if content.get("model_type") not in CONFIG_MAPPING:
        return {"known": False}
    config = read_config(folder)
    text = config.get_text_config()
    architectures = list(config.architectures or [])[:MAX_ARCHITECTURES]
    return {
        "known": True,
        "architectures": architectures,
        "unknown_architectures": [name for name in architectures if _class(name) is None],
        "causal": not architectures or any(name in _causal_names() for name in architectures),
        "attends_by_plugin": any(_attends_by_plugin(name) for name in architectures),
        "vocab_size": getattr(text, "vocab_size", None),
        "max_length": getattr(text, "max_position_embeddings", None),
        "special_ids": {
            name: getattr(text, f"{name}_token_id", None) for name in ("bos", "eos", "pad")
        },
    }


def load_model(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Build the causal language model without weights, and return its structure."""
    model = build_model(read_config(folder))
    embedding = model.get_input_embeddings()
    return {
        "class": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "embedding_rows": getattr(embedding, "num_embeddings", None),
        "head_sizes": sorted(set(_head_sizes(model))),
    }


def load_tokenizer(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the token ids of a tokenizer, and its round trips of sample texts.

    The inputs have the end token of the thinking, empty if none is named.
    """
    tokenizer = _tokenizer(folder)
    words = tokenizer.get_vocab()
    vocabulary = words.values()
    think_end = inputs.get("think_end_token", "")
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    texts = (*SAMPLES, RARE_TEXT, *unforeseen_prompts())
    of_texts = chain.from_iterable(tokenizer(text)["input_ids"] for text in texts)
    return {
        "class": type(tokenizer).__name__,
        "size": max(vocabulary, default=-1) + 1,
        "text_size": max(chain(of_texts, set(vocabulary) - special), default=-1) + 1,
        "special_tokens": {name: _special(tokenizer, name) for name in SPECIAL_TOKENS},
        "came_back": [_round_trip(tokenizer, sample) for sample in SAMPLES],
        "templates": sorted(_templates(tokenizer)),
        "think_ends": [token for token in END_TOKENS if token in words],
        "writes_think_end": think_end in _round_trip(tokenizer, think_end),
    }


def render_template(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Render the chat template that lm-eval would use, for conversations of several lengths.

    The inputs say whether it is used with thinking, too.
    """
    tokenizer = _tokenizer(folder)
    if not _templates(tokenizer):
        return {"found": False}
    facts, prompts = _rendered(lambda turns, options: _render(tokenizer, turns, options), inputs)
    numbers = (tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts)
    return {**facts, "size": max(chain.from_iterable(numbers), default=-1) + 1}


def render_text(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Render the chat template `template` without a tokenizer."""
    from transformers.utils.chat_template_utils import render_jinja_template

    def render(turns: list[dict[str, str]], options: dict[str, Any]) -> str:
        rendered, _ = render_jinja_template(
            [turns],  # pyright: ignore[reportArgumentType]
            chat_template=inputs["template"],
            add_generation_prompt=True,
            **DATE_OPTIONS,
            **options,
            bos_token="",
            eos_token="",
        )
        return str(rendered[0])[:MAX_PROMPT_CHARACTERS]

    facts, _ = _rendered(render, inputs)
    return facts


def build_model(config: "PreTrainedConfig") -> "PreTrainedModel":
    """Return the causal language model of a config on the meta device: shapes without memory."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False)


def read_config(folder: str) -> "PreTrainedConfig":
    """Return the config in a folder, without remote code."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


PARTS: dict[str, Part] = {
    "config": load_config,
    "fit": compare_tensors,
    "model": load_model,
    "tokenizer": load_tokenizer,
    "template": render_template,
    "template text": render_text,
}


@cache
def _tokenizer(folder: str) -> "PreTrainedTokenizerBase":
    """Return the tokenizer in a folder. A process loads it once for all parts that need it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def _class(name: object) -> Any:
    """Return a model class of transformers by name, None if there is none."""
    import transformers

    known = isinstance(name, str) and name.isidentifier() and not name.startswith("_")
    return getattr(transformers, str(name), None) if known else None


def _head_sizes(model: "PreTrainedModel") -> Iterator[int]:
    """Yield the sizes of the attention heads that continue text.

    Those of images and of compressed attention (MLA) are not among them: they have kernels of
    their own.
    """
    for module in model.modules():
        size: Any = getattr(module, "head_dim", getattr(module, "head_size", None))
        attends = type(module).__name__.endswith("Attention") and type(size) is int
        own_kernel = hasattr(module, "kv_lora_rank") or getattr(module, "is_causal", True) is False
        if attends and not own_kernel:
            yield size


def _causal_names() -> set[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    names: Iterable[Any] = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    return set(chain.from_iterable([n] if isinstance(n, str) else n for n in names))


def _attends_by_plugin(name: object) -> bool:
    """Return whether a model supports external attention, which vLLM's fallback needs."""
    found = _class(name)
    if found is None or not hasattr(found, "is_backend_compatible"):
        return False
    return bool(found.is_backend_compatible() or found._can_set_attn_implementation())


def _special(tokenizer: "PreTrainedTokenizerBase", name: str) -> int | None:
    value = getattr(tokenizer, f"{name}_token_id", None)
    return value if isinstance(value, int) else None


def _round_trip(tokenizer: "PreTrainedTokenizerBase", text: str) -> str:
    numbers = tokenizer(text, add_special_tokens=False)["input_ids"]
    back = tokenizer.decode(numbers, clean_up_tokenization_spaces=False)
    return str(back)[: 4 * len(text)]


def _templates(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    found = getattr(tokenizer, "chat_template", None)
    if isinstance(found, dict):
        return [str(name)[:100] for name in found]
    return ["default"] if found else []


def _rendered(
    render: Callable[[list[dict[str, str]], dict[str, Any]], str], inputs: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return facts on the renderings of several questions, each after some examples or none."""
    allow_seconds(TEMPLATE_SECONDS)
    ways = [False, True] if inputs.get("enable_thinking") else [False]
    prompts = [
        (question, render(turns, thinking_options(enable_thinking=way)))
        for way in ways
        for question in (QUESTION, *unforeseen_prompts())
        for turns in _conversations(question)
    ]
    facts = {
        "found": True,
        "holds_question": all(question.strip() in prompt for question, prompt in prompts),
        "longest": max(len(prompt) for _, prompt in prompts),
    }
    return facts, [prompt for _, prompt in prompts]


def _conversations(question: str) -> Iterator[list[dict[str, str]]]:
    """Yield conversations that end with a question, as lm-eval makes them of a prompt."""
    asked = {"role": "user", "content": question}
    answered = {"role": "assistant", "content": ANSWER}
    for examples in EXAMPLES:
        yield [*[asked, answered] * examples, asked]


def _render(
    tokenizer: "PreTrainedTokenizerBase", turns: list[dict[str, str]], options: dict[str, Any]
) -> str:
    prompt = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, **DATE_OPTIONS, **options
    )
    return str(prompt)[:MAX_PROMPT_CHARACTERS]

"""The prompts of a task, inspected before a model is loaded."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from lm_eval.api.instance import Instance
from lm_eval.defaults import DEFAULT_OTHER_SEED

from evalboard.engine.benchmarks.library import LoadedTask

PREFIX_CHARACTERS = 256
"""First characters of a prompt. Prompts that share them should run together: the prefix cache then
contains their common examples.
"""
MAX_GEN_TOKS = 256
"""lm_eval's default number of tokens to generate."""
SPECIAL_TOKENS = 8
"""Room for tokens that a tokenizer or a backend adds to a request."""


def prompt_prefix(loaded: LoadedTask) -> str:
    """Return the start of a task's first prompt, empty if the prompt is short."""
    task, shots = loaded.task, loaded.identity.num_fewshot
    questions: Any = task.eval_docs  # a list, or rows of a data set
    first = next(iter(questions), None)
    prompt = "" if first is None else task.fewshot_context(first, num_fewshot=shots)
    text = prompt if isinstance(prompt, str) else prompt[0]
    return text[:PREFIX_CHARACTERS] if len(text) >= PREFIX_CHARACTERS else ""


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer in a folder, as transformers loads it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def longest_request(tasks: Iterable[LoadedTask], tokenizer: Any, *, use_chat_template: bool) -> int:
    """Return the length in tokens of the longest request of some tasks, with its longest answer.

    Args:
        tasks: All tasks to run. Their requests are built.
        tokenizer: The model's tokenizer.
        use_chat_template: Apply the model's chat template to prompts.
    """
    template = _template(tokenizer) if use_chat_template else None
    lengths = (
        len(tokens) + _answer_tokens(instance)
        for loaded in tasks
        for instances in [_instances(loaded, template)]
        for instance, tokens in zip(
            instances, tokenizer([_text(i) for i in instances])["input_ids"], strict=True
        )
    )
    return max(lengths, default=0) + SPECIAL_TOKENS


def scales_with_length(folder: Path) -> bool:
    """Return whether a model's positions depend on the maximum length of its loading.

    This is the case for LongRoPE, which has two sets of factors: up to the original length, and
    beyond.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return "original_max_position_embeddings" in json.dumps(config)


def _instances(loaded: LoadedTask, template: Callable[..., str] | None) -> list[Instance]:
    loaded.task.set_fewshot_seed(DEFAULT_OTHER_SEED)  # as scoring does, for the same examples
    loaded.task.build_all_requests(
        limit=loaded.identity.limit,
        apply_chat_template=template is not None,
        chat_template=template,
    )
    return loaded.task.instances


def _template(tokenizer: Any) -> Callable[..., str]:
    def apply(chat: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        return tokenizer.apply_chat_template(
            chat,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
        )

    return apply


def _text(instance: Instance) -> str:
    generates = instance.request_type == "generate_until"
    return instance.args[0] if generates else "".join(instance.args)


def _answer_tokens(instance: Instance) -> int:
    if instance.request_type != "generate_until":
        return 1  # vLLM generates at least one
    _, options = cast("tuple[str, dict[str, Any]]", instance.args)
    return int(options.get("max_gen_toks", MAX_GEN_TOKS))

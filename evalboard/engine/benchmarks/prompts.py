"""The prompts of a task, inspected before a model is loaded."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from jinja2 import TemplateError
from lm_eval.api.instance import Instance
from lm_eval.models.utils import normalize_gen_kwargs

from evalboard.engine.benchmarks.harness import seed_examples
from evalboard.engine.benchmarks.loaded import LoadedTask
from evalboard.engine.thinking import thinking_options

PREFIX_CHARACTERS = 256
"""First characters of a prompt. Prompts that share them should run together: the prefix cache then
contains their common examples.
"""
PROMPT_FORM: dict[str, Any] = {"fewshot_as_multiturn": True, "system_instruction": None}
"""How lm_eval makes the prompts of scores: a chat template gets every example as a turn of its own.
"""
ChatRenderer = Callable[..., str]
"""Renders a conversation. A second argument says whether it ends with a question."""
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


def longest_request(
    tasks: Iterable[LoadedTask], tokenizer: Any, *, template: ChatRenderer | None
) -> int:
    """Return the length in tokens of the longest request of some tasks, with its longest answer.

    Args:
        tasks: The tasks. Their requests are built as for a score.
        tokenizer: The model's tokenizer.
        template: The model's chat template, None for prompts without it.
    """
    lengths = (
        length + _answer_tokens(instance)
        for instance, length in _measured(tasks, tokenizer, template)
    )
    return max(lengths, default=0) + SPECIAL_TOKENS


def longest_prompt(
    tasks: Iterable[LoadedTask], tokenizer: Any, *, template: ChatRenderer | None
) -> int:
    """Return the length in tokens of the longest prompt of tasks that ask for texts.

    Args:
        tasks: The tasks. Their requests are built as for a score.
        tokenizer: The model's tokenizer.
        template: The model's chat template, None for prompts without it.
    """
    lengths = (length for _, length in _measured(tasks, tokenizer, template))
    return max(lengths, default=0) + SPECIAL_TOKENS


def _measured(
    tasks: Iterable[LoadedTask], tokenizer: Any, template: ChatRenderer | None
) -> Iterator[tuple[Instance, int]]:
    """Yield every request of some tasks with the length of its text in tokens."""
    for loaded in tasks:
        instances = _instances(loaded, template)
        tokens = tokenizer([_text(instance) for instance in instances])["input_ids"]
        yield from zip(instances, map(len, tokens), strict=True)


def longest_prompt_bytes(tasks: Iterable[LoadedTask]) -> int:
    """Return the length in bytes of the longest prompt without a chat template.

    It is a limit of the length in tokens that needs no tokenizer: no token is shorter.
    """
    texts = (_text(i) for loaded in tasks for i in _instances(loaded, None))
    return max((len(text.encode(errors="replace")) for text in texts), default=0)


def _instances(loaded: LoadedTask, template: ChatRenderer | None) -> list[Instance]:
    seed_examples([loaded.task])
    loaded.task.build_all_requests(
        limit=loaded.identity.limit,
        apply_chat_template=template is not None,
        chat_template=template,
        **PROMPT_FORM,
    )
    return loaded.task.instances


def chat_renderer(tokenizer: Any, *, enable_thinking: bool) -> ChatRenderer:
    """Return what renders conversations with a model's chat template.

    The template always gets its switch for thinking: left alone, each has a default of its own. One
    that refuses a system message gets the conversation without it, as from lm_eval's model classes.

    Args:
        tokenizer: The model's tokenizer.
        enable_thinking: Whether the model thinks before it answers.
    """
    switches = thinking_options(enable_thinking=enable_thinking)

    def render(chat: list[dict[str, str]], is_question: bool) -> str:
        return tokenizer.apply_chat_template(
            chat,
            tokenize=False,
            add_generation_prompt=is_question,
            continue_final_message=not is_question,
            **switches,
        )

    def apply(chat: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        try:
            return render(chat, add_generation_prompt)
        except TemplateError:
            without = [message for message in chat if message["role"] != "system"]
            return render(without, add_generation_prompt)

    return apply


def _text(instance: Instance) -> str:
    generates = instance.request_type == "generate_until"
    return instance.args[0] if generates else "".join(instance.args)


def _answer_tokens(instance: Instance) -> int:
    if instance.request_type != "generate_until":
        return 1  # vLLM generates at least one
    _, options = cast("tuple[str, dict[str, Any]]", instance.args)
    return generation_budget(options, MAX_GEN_TOKS)


def generation_budget(options: dict[str, Any], default: int) -> int:
    """Return the number of tokens that a task generates at most.

    Args:
        options: The task's `generation_kwargs`, with any of lm_eval's names for the number.
        default: The number where it names none.
    """
    return cast("dict[str, Any]", normalize_gen_kwargs(options, default))["max_gen_toks"]

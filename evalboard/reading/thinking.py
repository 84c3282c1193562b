"""The answer behind a thinking, and whether the thinking has ended.

A thinking that was cut off contains letters, but no answer. So a text whose last thinking has no end
is not read at all.
"""

import re

END_TOKENS = (
    "</think>",
    "[/THINK]",  # Magistral
    "<|END_THINKING|>",  # Command A Reasoning
    "</seed:think>",
    "</mm:think>",  # MiniMax M3
    "</thought>",
    "<|end_of_thought|>",
    "<|channel|>final<|message|>",  # gpt-oss
    "<unused95>",  # MedGemma; every Gemma has it in its vocabulary
)
"""Texts that end a thinking, the first that a model knows before the others."""

_OTHER_ENDS = (
    "</thinking>",
    "</reasoning>",
    "◁/think▷",  # Kimi
    "<channel|>",  # Gemma 4
    "assistantfinal",  # gpt-oss where special tokens are left out
)
_BEGINNINGS = (
    "<think>",
    "<thinking>",
    "<thought>",
    "<reasoning>",
    "[THINK]",
    "<|START_THINKING|>",
    "<seed:think>",
    "<mm:think>",
    "<|begin_of_thought|>",
    "<|channel|>analysis",
    "<|channel|>commentary",
    "<|channel>thought",
    "<unused94>",
    "◁think▷",
)
_TURN_ENDS = (
    "<|im_end|>",
    "<|im_start|>",
    "<|eot_id|>",
    "<|end|>",
    "<|return|>",
    "<|start|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|user|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<turn|>",
    "</s>",
)


def _any_of(texts: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, texts))


# Headings count at the beginning of a line only. HuatuoGPT-o1 writes "## Thinking" and then
# "## Final Response".
_END = re.compile(
    rf"{_any_of(END_TOKENS + _OTHER_ENDS)}|^\#{{1,4}}[ ]*Final[ ]Response\b[ :*]*",
    re.IGNORECASE | re.MULTILINE,
)
_BEGINNING = re.compile(
    rf"{_any_of(_BEGINNINGS)}|^\#{{1,4}}[ ]*Thinking\b|\A\s*(?-i:analysis(?=[A-Z]))",
    re.IGNORECASE | re.MULTILINE,
)
_OPENED = re.compile(rf"(?:{_any_of(_BEGINNINGS)})\s*\Z", re.IGNORECASE)
_LONGEST_OPENING = 100
_TURN_END = re.compile(_any_of(_TURN_ENDS))


def opens_thinking(prompt: str) -> bool:
    """Return whether a prompt ends with the beginning of a thinking."""
    return _OPENED.search(prompt[-_LONGEST_OPENING:]) is not None


def finished_answer(text: str, *, thinking_opened: bool) -> str | None:
    """Return what follows the last thinking, None if the text ends within a thinking.

    Args:
        text: All that a model wrote.
        thinking_opened: Whether the prompt has opened the thinking.
    """
    ends = [end.end() for end in _END.finditer(text)]
    if thinking_opened and not ends:
        return None
    answer = text[ends[-1] :] if ends else text
    if _BEGINNING.search(answer):
        return None
    end = _TURN_END.search(answer)
    return answer[: end.start()] if end else answer

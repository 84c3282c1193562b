"""Models that think before they answer: the switch in their templates, and how their thinking ends.

A template names its switch as it likes, and takes what it is not given for on or for off. So every
template gets every switch, with the same value, wherever it is rendered.
"""

import re
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

SWITCHES = ("enable_thinking", "thinking")
"""Names of the switch: that of Qwen 3, GLM, SmolLM 3 and most others; that of DeepSeek V3.1 and
Granite."""


def thinking_options(*, enable_thinking: bool) -> dict[str, Any]:
    """Return the options for transformers' `apply_chat_template`."""
    return dict.fromkeys(SWITCHES, enable_thinking)


def has_switch(template: str) -> bool:
    """Return whether a chat template reads a switch for thinking."""
    return not _variables(template).isdisjoint(SWITCHES)


def _variables(template: str) -> set[str]:
    """Return the names in a template's code, without those of attributes. Nothing of it is run."""
    try:
        tokens = [t for t in Environment().lex(template) if t[1] != "whitespace"]
    except TemplateSyntaxError:  # several templates as one text: any word may be a name
        return set(re.findall(r"(?<![.\w])\w+", template))
    before = ["", *(value for _, _, value in tokens)]
    named = zip(tokens, before, strict=False)
    return {value for (_, kind, value), last in named if kind == "name" and last != "."}

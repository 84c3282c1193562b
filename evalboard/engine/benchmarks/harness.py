"""Steps of lm_eval around an evaluation, and savings in them."""

import random
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from lm_eval import utils
from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED

TEMPLATES = 4096
"""Number of compiled templates to keep."""


def set_seeds() -> None:
    """Seed the generators that task definitions may use, as `lm_eval run` does."""
    random.seed(DEFAULT_RANDOM_SEED)
    np.random.seed(DEFAULT_OTHER_SEED)


def seed_examples(tasks: Iterable[Any]) -> None:
    """Seed what draws the examples of lm_eval's tasks: it draws the same ones after each call."""
    for task in tasks:
        task.set_fewshot_seed(DEFAULT_OTHER_SEED)


def compile_templates_once() -> None:
    """Make lm_eval keep its compiled templates.

    Otherwise it compiles the template of a prompt for every question and every example, a
    millisecond each: nine tenths of the time to build the requests of 5-shot MMLU.
    """
    compile_template = utils.env.from_string
    if not hasattr(compile_template, "cache_info"):
        utils.env.from_string = lru_cache(TEMPLATES)(compile_template)  # pyright: ignore[reportAttributeAccessIssue]

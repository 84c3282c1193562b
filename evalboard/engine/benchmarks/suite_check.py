"""What is wrong between a suite and the definitions of its tasks, without reading a question."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY
from lm_eval.config.task import TaskConfig
from lm_eval.tasks._yaml_loader import load_yaml  # pinned; there is no public way to one file

from evalboard.engine.benchmarks.definitions import SHIPPED, find_definitions, named_in
from evalboard.engine.benchmarks.mirror import splits_of
from evalboard.engine.benchmarks.prompts import MAX_GEN_TOKS, generation_budget
from evalboard.reading.thinking import END_TOKENS
from evalboard.suites.contradictions import Mistake, Place
from evalboard.suites.model import Benchmark, Suite

LONGEST = 10_485_760
"""Tokens that the longest model reads (Llama 4 Scout, by its config)."""
ROOM_TO_THINK = 512
"""Tokens from which a text has room for a thinking in words. lm_eval's default is 256."""
DEFAULT_STOP = "\n\n"
"""Where a definition names no stop text, lm_eval takes this one."""
NOT_FRACTIONS = frozenset(
    {"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "bleu", "chrf", "ter"}
)
"""Metrics of lm_eval that can be greater than 1."""
NEAREST = 3

Definition = Mapping[str, Any]


def task_mistakes(suite: Suite) -> Iterator[Mistake]:
    """Yield every mistake that the definitions of a suite's tasks show.

    Args:
        suite: A suite of well-formed parts.
    """
    own = suite.tasks
    if own and not own.is_dir():
        yield Mistake(("tasks",), f"There is no folder {str(own)!r} with task definitions.")
        own = None
    if suite.generation and suite.generation.max_tokens >= LONGEST:
        yield Mistake(("generation", "max_tokens"), _too_long(suite.generation.max_tokens))
    roots = [own, SHIPPED] if own else [SHIPPED]
    wanted = [(place, part) for place, part in _parts(suite)]
    files = find_definitions({part.task_name for _, part in wanted}, roots)
    known: list[str] = []
    for place, part in wanted:
        file = files.get(part.task_name)
        if file is None:
            known = known or named_in(roots, "task")
            yield Mistake(place, _unknown(part.task_name, known, roots))
            continue
        try:
            definition = load_yaml(file, resolve_func=own is not None and file.is_relative_to(own))
        except (OSError, yaml.YAMLError, ImportError, AttributeError, ValueError, TypeError) as exc:
            yield Mistake(place, f"The definition {file.name} cannot be read: {exc}")
            continue
        yield from _of_definition(place, part, definition)
        if _generates(definition):
            found = _of_texts(part, definition, in_words=suite.generation is not None)
            yield from (Mistake(place, message) for message in found)


def _parts(suite: Suite) -> Iterator[tuple[Place, Benchmark]]:
    """Yield the single tasks of a suite, each with the place of its name in the file."""
    for at, benchmark in enumerate(suite.benchmarks):
        for number, subject in enumerate(benchmark.subjects):
            yield ("benchmarks", at, "tasks", number), subject
        if not benchmark.tasks:
            yield ("benchmarks", at, "task" if benchmark.task else "key"), benchmark


def _unknown(name: str, known: list[str], roots: list[Path]) -> str:
    if name in named_in(roots, "group"):
        return f"{name!r} is a group of lm_eval. List its tasks under `tasks`."
    longer = [other for other in known if other.startswith(f"{name}_")]
    near = (longer + get_close_matches(name, known, n=NEAREST))[:NEAREST]
    hint = f" The nearest names are {', '.join(near)}." if near else ""
    return f"lm_eval has no task {name!r}.{hint}"


def _of_definition(place: Place, part: Benchmark, definition: Definition) -> Iterator[Mistake]:
    if "class" in definition:
        yield Mistake(place, f"Task {part.task_name!r} is a Python class. Use a task in YAML.")
        return
    of_benchmark = place[:2]
    for check, key in _CHECKS:
        for message in check(part, definition):
            yield Mistake((*of_benchmark, key), message)


def _metric(part: Benchmark, definition: Definition) -> Iterator[str]:
    listed = definition.get("metric_list")
    kind = definition.get("output_type", TaskConfig.output_type)
    names = [str(m["metric"]) for m in listed] if listed else DEFAULT_METRIC_REGISTRY[kind]
    filters = [f["name"] for f in definition.get("filter_list") or ()] or ["none"]
    valid = [f"{name},{chosen}" for name in names for chosen in filters]
    if part.metric not in valid:
        task = part.task_name
        yield f"Task {task!r} has no metric {part.metric!r}. Valid: {', '.join(valid)}."
    elif part.metric.partition(",")[0] in NOT_FRACTIONS:
        yield f"Metric {part.metric!r} is not a fraction in [0, 1], so it cannot be a column."


def _split(part: Benchmark, definition: Definition) -> Iterator[str]:
    task, split = part.task_name, splits_of(definition).evaluation
    if split is None:
        yield f"Task {task!r} names no test or validation split, so it has no questions."
    elif files := _files(part):
        if split not in files:
            yield f"Task {task!r} asks the split {split!r}, but `files` has: {', '.join(files)}."


def _examples(part: Benchmark, definition: Definition) -> Iterator[str]:
    own = definition.get("fewshot_config") or {}
    if not part.num_fewshot or own.get("samples"):
        return
    task, split, files = part.task_name, splits_of(definition).fewshot, _files(part)
    if split is None:
        yield f"Task {task!r} has no split for its {part.num_fewshot} examples. Set num_fewshot: 0."
    elif files and split not in files:
        yield f"The examples of task {task!r} are in the split {split!r}, but `files` lacks it."


def _answers(part: Benchmark, definition: Definition) -> Iterator[str]:
    found = "words" if _generates(definition) else "choices"
    if part.answers not in (None, found):
        yield f"Task {part.task_name!r} is answered by {found}, not by {part.answers}."


def _files(part: Benchmark) -> Mapping[str, str]:
    return (part.source and part.source.files) or {}


def _generates(definition: Definition) -> bool:
    return definition.get("output_type", TaskConfig.output_type) == "generate_until"


def _of_texts(part: Benchmark, definition: Definition, *, in_words: bool) -> Iterator[str]:
    """Yield what is wrong with the texts that a task lets a model write.

    Args:
        part: The single task.
        definition: Its definition.
        in_words: Whether the suite asks for answers in words, which no stop text may end.
    """
    options = dict(definition.get("generation_kwargs") or {})
    budget = generation_budget(options, MAX_GEN_TOKS)
    task = part.task_name
    if not 0 < budget < LONGEST:
        yield f"Task {task!r}: {_too_long(budget)}"
    until = options.get("until", DEFAULT_STOP)
    for text in [until] if isinstance(until, str) else until or ():
        may_be_thought = text in END_TOKENS or not re.search(r"\w|[<|\[]", text)
        if in_words or (may_be_thought and budget >= ROOM_TO_THINK):
            yield (
                f"Task {task!r} stops at {text!r}, which would cut a thinking. Use `until: []` in a "
                "definition of your own."
            )


def _too_long(tokens: int) -> str:
    return f"No model writes {tokens:,} tokens: the longest reads {LONGEST:,}."


_CHECKS: tuple[tuple[Callable[[Benchmark, Definition], Iterator[str]], str], ...] = (
    (_metric, "metric"),
    (_split, "source"),
    (_examples, "num_fewshot"),
    (_answers, "answers"),
)
"""Each check, and the key of a benchmark whose line a mistake is in."""

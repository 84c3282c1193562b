"""Check that config and model load with transformers' AutoClasses, without remote code.

Loading runs in a confined process without a token and without the Hub. The model is built on the
meta device, so no weights are read. Without transformers, as on the viewer's machine, the check is
left to the poll.
"""

from collections.abc import Callable, Iterator
from typing import Any

from evalboard.backends import BACKENDS, Backend, backend_for
from evalboard.engine.placing.capacity import runs_on_cpu
from evalboard.records.report import Finding
from evalboard.validation.child import LoadResult
from evalboard.validation.evidence import OUT_OF_RANGE, Evidence
from evalboard.validation.findings import (
    Outcome,
    error,
    info,
    listed,
    loading_failed,
    quoted,
    warning,
)
from evalboard.wording import first_few, plain

CONFIG = "config.json"
RELEASED = "Submit a model with an architecture from a released version of transformers."
SAVE_AGAIN = "Save the model with `save_pretrained` and upload all files that it writes."


def check(evidence: Evidence) -> Outcome:
    """Load the config, build the model, and check that the backend supports it.

    An adapter uses the config of its base.
    """
    if evidence.is_adapter and evidence.base is None:
        return Outcome((info("base_decides", "The base model's config and tokenizer are used."),))
    if evidence.config.is_pointer:
        return Outcome()  # said by the check for pointers
    problems = tuple(_file(evidence))
    if not evidence.has_libraries:
        left = info(
            "checked_by_poll",
            "The queue's worker will check whether the config and the tokenizer load.",
        )
        return Outcome((*problems, left))
    if problems:
        return Outcome(problems)
    config = evidence.loaded_config
    findings = [*_judge_config(evidence, config)]
    if config.content.get("known"):
        findings += _judge_architecture(evidence, config.content)
        findings += _judge_special_tokens(config.content)
        if not any(finding.level == "error" for finding in findings):
            findings += _judge_model(evidence.loaded_model)
            findings += _judge_head_sizes(evidence, evidence.loaded_model)
    return Outcome(tuple(findings), _facts(config))


def custom_code(where: str, content: dict[str, Any]) -> Finding:
    """Return the finding on a part that needs code from its repository."""
    return error(
        "custom_code",
        f"The model needs code from its repository ({_named(content['auto_map'])}). Such code is "
        "never run.",
        fix=RELEASED,
        where=f"{where}: auto_map",
    )


def custom_code_ignored(where: str) -> Finding:
    """Return the finding on code for a part that does not need it."""
    return warning(
        "custom_code_ignored",
        "The repository contains code. It is not run; the code of transformers is used instead.",
        where=f"{where}: auto_map",
    )


def _file(evidence: Evidence) -> Iterator[Finding]:
    """Yield findings that need no loading."""
    config = evidence.config
    if not config.exists:
        yield error("no_config", "config.json is missing.", fix=SAVE_AGAIN, where=CONFIG)
    if config.problem:
        yield error(
            "bad_config",
            f"config.json cannot be read: {config.problem}.",
            fix="Upload the file again.",
            where=CONFIG,
        )


def _judge_config(evidence: Evidence, config: LoadResult) -> Iterator[Finding]:
    content = evidence.config.content
    custom = "auto_map" in content
    if config.error == OUT_OF_RANGE:
        yield error(
            "config_out_of_range",
            f"The config does not describe a model: {config.problem}.",
            fix="Upload the config that belongs to the model.",
            where=CONFIG,
        )
    elif config.content.get("known"):
        if custom:
            yield custom_code_ignored(CONFIG)
    elif custom:
        yield custom_code(CONFIG, content)
    elif config.content:
        yield error(
            "unknown_model_type",
            "The installed version of transformers does not support the model type "
            f"{quoted(content.get('model_type'))}.",
            fix=RELEASED,
            where=f"{CONFIG}: model_type",
        )
    else:
        yield loading_failed(
            "config_fails",
            "the config",
            config.problem,
            config.error,
            fix="Load it with `AutoConfig.from_pretrained` and correct the reported problem.",
            where=CONFIG,
        )


def _judge_architecture(evidence: Evidence, config: dict[str, Any]) -> Iterator[Finding]:
    names = [name for name in config["architectures"] if isinstance(name, str)]
    where = f"{CONFIG}: architectures"
    if config["unknown_architectures"] and "auto_map" not in evidence.config.content:
        yield error(
            "unknown_architecture",
            "The installed version of transformers does not support the architecture "
            f"{listed(config['unknown_architectures'])}.",
            fix=RELEASED,
            where=where,
        )
    elif not config["causal"]:
        yield error(
            "not_causal_lm",
            f"The checkpoint's architecture is {listed(names)}. Only causal language models can be "
            "evaluated.",
            fix="Submit a model that `AutoModelForCausalLM` can load.",
            where=where,
        )
    else:
        yield from _judge_backend(evidence, config, names)


def _judge_backend(
    evidence: Evidence, config: dict[str, Any], names: list[str]
) -> Iterator[Finding]:
    precision = str(evidence.subject.precision or "")
    backend = backend_for(precision, evidence.settings.backend)
    where = f"{CONFIG}: architectures"
    if not names or backend.may_run(names):
        return
    if backend.falls_back and config["attends_by_plugin"]:
        yield info(
            f"{backend.name}_falls_back",
            f"The installed version of {backend.title} has no native {listed(names)} and uses the "
            "slower code of transformers.",
            where=where,
        )
        return
    yield error(
        f"unknown_to_{backend.name}",
        f"The installed version of {backend.title} does not support {listed(names)}.",
        fix="Ask the board's operators for a newer version of "
        f"{backend.title}{''.join(_alternatives(names, precision))}.",
        where=where,
    )


def _judge_head_sizes(evidence: Evidence, model: LoadResult) -> Iterator[Finding]:
    """Yield a finding if the backend's kernels for this machine lack the model's head sizes."""
    sizes = model.content.get("head_sizes") or []
    precision = str(evidence.subject.precision or "")
    backend = backend_for(precision, evidence.settings.backend)
    if runs_on_cpu(evidence.settings) and not backend.may_attend(sizes):
        wrong = sorted(set(sizes) - backend.cpu_head_sizes())
        known = sorted(backend.cpu_head_sizes())
        yield error(
            "head_size_unsupported",
            f"The model's attention heads have {first_few([str(n) for n in wrong], 3)} dimensions. On a CPU "
            f"{backend.title} supports {', '.join(map(str, known))}.",
            fix="Ask the board's operators for a machine with a GPU"
            f"{''.join(_able(lambda other: other.may_attend(sizes), precision))}.",
            where=CONFIG,
        )


def _alternatives(names: list[str], precision: str) -> Iterator[str]:
    return _able(lambda backend: backend.may_run(names), precision)


def _able(runs: Callable[[Backend], bool], precision: str) -> Iterator[str]:
    """Yield the end of an advice for each backend that can do something in a precision."""
    for backend in BACKENDS.values():
        if runs(backend) and (not precision or backend.runs(precision)):
            yield f", or for the backend `{backend.name}`"


def _judge_special_tokens(config: dict[str, Any]) -> Iterator[Finding]:
    """Yield findings on special tokens outside the embedding, often left from another model."""
    rows = config["vocab_size"]
    for name in ("bos", "eos"):
        value = config["special_ids"][name]
        numbers = value if isinstance(value, list) else [value]
        wrong = [n for n in numbers if type(n) is int and type(rows) is int and not -1 <= n < rows]
        if wrong:
            yield warning(
                "special_token_outside",
                f"The config's {name}_token_id is {wrong[0]:,}, but the embedding has {rows:,} "
                "rows.",
                fix="Correct the id, or upload the config that belongs to the model.",
                where=f"{CONFIG}: {name}_token_id",
            )


def _judge_model(model: LoadResult) -> Iterator[Finding]:
    if model.problem:
        yield loading_failed(
            "model_fails",
            "the model of the config, without weights,",
            model.problem,
            model.error,
            fix="Build it with `AutoModelForCausalLM.from_config` and correct the reported "
            "problem.",
            where=CONFIG,
        )


def _named(auto_map: object) -> str:
    """Return the first class in an `auto_map`, for a message."""
    entries = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    first = entries[0] if entries else None
    return quoted(first[0] if isinstance(first, list) and first else first)


def _facts(config: LoadResult) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    names = config.content.get("architectures")
    if isinstance(names, list) and names:
        facts["architectures"] = [plain(name, 100) for name in names if isinstance(name, str)]
    for key in ("vocab_size", "max_length"):
        if type(value := config.content.get(key)) is int:
            facts[key] = value
    return facts

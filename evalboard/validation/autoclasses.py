"""Check that config and tokenizer load with transformers' AutoClasses, without remote code.

Loading runs in processes of their own (`evalboard.engine.autoload`), without a token and without
the Hub. Where transformers is not installed, as on the viewer's machine, the check is left to the
poll.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import evalboard
from evalboard.errors import EngineError
from evalboard.records.report import Finding
from evalboard.repositories.selection import has_vocabulary
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, plain, quoted, warning

TIMEOUT_SECONDS = 120
PACKAGE_FOLDER = Path(evalboard.__file__).parent.parent


class Loaded(NamedTuple):
    """How loading one part of a repository ended."""

    content: dict[str, Any] = {}
    """What the part says; empty when it did not load."""
    problem: str = ""
    """Why it did not."""


def check(evidence: Evidence) -> Outcome:
    """Load config and tokenizer, and compare the two.

    An adapter's config is its base's, and so is its tokenizer where it brings none.
    """
    if evidence.is_adapter and evidence.base is None:
        return Outcome((info("base_decides", "Config and tokenizer are the base model's."),))
    problems = tuple(_files(evidence))
    if find_spec("transformers") is None:
        left = info("checked_by_poll", "Whether config and tokenizer load is checked by the poll.")
        return Outcome((*problems, left))
    with ThreadPoolExecutor() as threads:
        config, tokenizer = threads.map(lambda part: load(part, evidence), ("config", "tokenizer"))
    findings = [*problems]
    if not evidence.config.problem and evidence.config.exists:
        findings += _judge_config(evidence, config)
    if _has_tokenizer(evidence):
        findings += _judge_tokenizer(evidence, config, tokenizer)
    return Outcome(tuple(findings), _facts(config))


def load(part: str, evidence: Evidence, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Loaded:
    """Load the `config` or the `tokenizer` of a repository in a process of its own.

    Raises:
        EngineError: The process failed for a reason that is not the repository's.
    """
    log = evidence.scratch / f"{part}.log"
    with log.open("wb") as errors:
        try:
            process = subprocess.run(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "evalboard.engine.autoload",
                    part,
                    evidence.model_folder,
                ],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                cwd=evidence.scratch,
                env=child_environment(evidence.scratch),
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Loaded(problem=f"not done after {timeout_seconds:g} seconds")
    if process.returncode < 0:
        return Loaded(problem=f"the process that loaded it died of signal {-process.returncode}")
    if not process.stdout:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise EngineError(
            f"The check of the {part} could not start (exit {process.returncode}). "
            "Check the installation with `evalboard doctor`.",
            log_tail=tail,
        )
    return _read_answer(process.stdout, evidence.model_folder)


def child_environment(scratch: Path) -> dict[str, str]:
    """Return all variables that the loading process sees: no token, no settings, no Hub."""
    home = str(scratch)
    places = [str(PACKAGE_FOLDER), *(place for place in sys.path if Path(place).is_absolute())]
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(places),
        "PYTHONUTF8": "1",
        "HOME": home,
        "TMPDIR": home,
        "HF_HOME": home,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _read_answer(output: bytes, folder: Path) -> Loaded:
    answer = json.loads(output.splitlines()[-1])
    if "error" not in answer:
        return Loaded(answer["loaded"])
    message = answer["message"].replace(str(folder), "the repository")
    return Loaded(problem=f"{answer['error']}: {plain(message, 500)}")


def _files(evidence: Evidence) -> Iterator[Finding]:
    """Say what can be seen in the files without loading anything."""
    config = evidence.config
    if not config.exists:
        yield error(
            "no_config",
            "There is no config.json.",
            fix="Save the model with `save_pretrained`, and upload all files it writes.",
            where="config.json",
        )
    if config.problem:
        yield error(
            "bad_config",
            f"config.json cannot be read: {config.problem}.",
            fix="Upload the file again.",
            where="config.json",
        )
    if not _has_tokenizer(evidence):
        yield error(
            "no_tokenizer",
            "The repository has no tokenizer.",
            fix="Save the tokenizer with `save_pretrained`, and upload all files it writes.",
            where="tokenizer.json",
        )


def _judge_config(evidence: Evidence, config: Loaded) -> Iterator[Finding]:
    content = evidence.config.content
    custom = "auto_map" in content
    if config.content.get("known"):
        if custom:
            yield _custom_code_ignored("config.json")
    elif custom:
        yield _custom_code("config.json", content)
    elif config.content:
        yield error(
            "unknown_model_type",
            f"The installed transformers does not know the model type "
            f"{quoted(content.get('model_type'))}.",
            fix="Submit a model whose architecture a released transformers has.",
            where="config.json: model_type",
        )
    else:
        yield error(
            "config_fails",
            f"The config does not load: {config.problem}.",
            fix="Load it with `AutoConfig.from_pretrained`, and correct what that reports.",
            where="config.json",
        )


def _judge_tokenizer(evidence: Evidence, config: Loaded, tokenizer: Loaded) -> Iterator[Finding]:
    custom = "auto_map" in evidence.tokenizer_config.content
    size, rows = tokenizer.content.get("size", 0), config.content.get("vocab_size")
    if tokenizer.problem and custom:
        yield _custom_code("tokenizer_config.json", evidence.tokenizer_config.content)
    elif tokenizer.problem and tokenizer.problem != config.problem:
        yield error(
            "tokenizer_fails",
            f"The tokenizer does not load: {tokenizer.problem}.",
            fix="Load it with `AutoTokenizer.from_pretrained`, and correct what that reports.",
            where="tokenizer_config.json",
        )
    elif custom and not tokenizer.problem:
        yield _custom_code_ignored("tokenizer_config.json")
    if isinstance(rows, int) and size > rows:
        yield error(
            "tokenizer_too_large",
            f"The tokenizer has tokens up to number {size - 1:,}, and the model's embedding only "
            f"{rows:,} rows.",
            fix="Upload the tokenizer that belongs to the model, or resize the embedding.",
            where="config.json: vocab_size",
        )


def _custom_code(where: str, content: dict[str, Any]) -> Finding:
    return error(
        "custom_code",
        f"The model needs code of its own ({_named(content['auto_map'])}), and code from "
        "repositories is never run.",
        fix="Submit a model whose architecture a released transformers has.",
        where=f"{where}: auto_map",
    )


def _custom_code_ignored(where: str) -> Finding:
    return warning(
        "custom_code_ignored",
        "The repository brings code of its own, which is not run; transformers' own is used.",
        where=f"{where}: auto_map",
    )


def _named(auto_map: object) -> str:
    """Return the first class that an `auto_map` names, for a message."""
    entries = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    first = entries[0] if entries else None
    return quoted(first[0] if isinstance(first, list) and first else first)


def _has_tokenizer(evidence: Evidence) -> bool:
    """Return whether there is a vocabulary: without one, some tokenizers load all the same."""
    return has_vocabulary(file.name for file in evidence.model_folder.iterdir())


def _facts(config: Loaded) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    names = config.content.get("architectures")
    if isinstance(names, list) and names:
        facts["architectures"] = [plain(name, 100) for name in names if isinstance(name, str)]
    for key in ("vocab_size", "max_length"):
        if type(value := config.content.get(key)) is int:
            facts[key] = value
    return facts

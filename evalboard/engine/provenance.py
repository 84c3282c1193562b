"""The origin of a score: versions, chat template, architecture, machine."""

import hashlib
import inspect
import json
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.backends import find_backend
from evalboard.engine.hardware import memory_bytes
from evalboard.engine.tokenising import adds_after
from evalboard.records import verdict


class Versions(NamedTuple):
    """Versions that affect a score."""

    backend: str
    lm_eval: str
    transformers: str
    torch: str


@cache
def versions(backend: str) -> Versions:
    """Return the installed versions for a backend."""
    distribution = find_backend(backend).distribution
    return Versions(
        version(distribution), version("lm_eval"), version("transformers"), version("torch")
    )


def installed_versions(backend: str) -> verdict.Versions:
    """Return the installed versions for a backend, as verdicts name them."""
    installed = versions(backend)
    return verdict.Versions(
        backend=backend, backend_version=installed.backend, lm_eval=installed.lm_eval
    )


def chat_template(folder: Path) -> str | None:
    """Return a model's chat template, None without one. Several are one text."""
    template = _tokenizer(folder).chat_template
    return str(template) if template else None


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def chat_template_sha(template: str | None) -> str | None:
    """Return the sha256 of a chat template, None without one."""
    return None if template is None else hashlib.sha256(template.encode()).hexdigest()


def ends_texts(folder: Path) -> bool:
    """Return whether a model's tokenizer adds tokens after a text, by its files.

    It is loaded only if its class may do that, whatever the files say.
    """
    found = {
        name: json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("tokenizer.json", "tokenizer_config.json")
        if (folder / name).is_file()
    }
    settings = found.get("tokenizer_config.json", {})
    processor = found.get("tokenizer.json", {}).get("post_processor")
    if settings.get("add_eos_token") is True or _ends(processor or {}):
        return True
    return _may_end_itself(settings.get("tokenizer_class") or "") and adds_after(_tokenizer(folder))


@cache  # for the next model of a process: looking for the source takes a fifth of a second
def _may_end_itself(name: str) -> bool:
    """Return whether a class of tokenizers decides on its own what it adds, as that of T5 does."""
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    found = tokenizer_class_from_name(name.removesuffix("Fast"))
    ways = ("TemplateProcessing(", "def build_inputs_with_special_tokens(")
    return found is not None and any(way in inspect.getsource(found) for way in ways)


def _ends(processor: dict[str, Any]) -> bool:
    """Return whether a post-processor in `tokenizer.json` adds tokens after a text."""
    match processor:
        case {"type": "TemplateProcessing", "single": [*_, {"SpecialToken": _}]}:
            return True
        case {"type": "BertProcessing" | "RobertaProcessing"}:
            return True
        case {"type": "Sequence", "processors": parts}:
            return any(map(_ends, parts))
        case _:
            return False


def architecture(folder: Path) -> str:
    """Return the first architecture in a model's config, empty if there is none."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return next(iter(config.get("architectures") or [""]))


def machine(*, with_gpus: bool = True) -> dict[str, Any]:
    """Return a description of this machine: processors, memory and GPUs.

    Args:
        with_gpus: Whether to ask the GPUs, which initialises CUDA in this process.
    """
    import torch

    gpus = torch.cuda.device_count() if with_gpus else 0
    return {
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(gpus)],
    }

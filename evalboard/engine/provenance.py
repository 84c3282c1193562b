"""The origin of a score: versions, chat template, architecture, machine."""

import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.backends import find_backend
from evalboard.engine.hardware import memory_bytes


class Versions(NamedTuple):
    """Versions that affect a score."""

    backend: str
    lm_eval: str
    transformers: str
    torch: str


def versions(backend: str) -> Versions:
    """Return the installed versions for a backend."""
    distribution = find_backend(backend).distribution
    return Versions(
        version(distribution), version("lm_eval"), version("transformers"), version("torch")
    )


def chat_template(folder: Path) -> str | None:
    """Return a model's chat template, None without one. Several are one text."""
    from transformers import AutoTokenizer

    template = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).chat_template
    return str(template) if template else None


def chat_template_sha(template: str | None) -> str | None:
    """Return the sha256 of a chat template, None without one."""
    return None if template is None else hashlib.sha256(template.encode()).hexdigest()


def ends_texts(folder: Path) -> bool:
    """Return whether a model's tokenizer adds tokens after a text, by its files."""
    found = {
        name: json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("tokenizer.json", "tokenizer_config.json")
        if (folder / name).is_file()
    }
    settings = found.get("tokenizer_config.json", {})
    processor = found.get("tokenizer.json", {}).get("post_processor")
    return settings.get("add_eos_token") is True or _ends(processor or {})


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


def machine() -> dict[str, Any]:
    """Return a description of this machine: processors, memory and GPUs."""
    import torch

    return {
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }

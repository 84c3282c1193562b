"""The likeness of models: what two of them share where only the values of their weights differ.

An engine that is loaded for one model can then load the weights of the other in place. Read by the
holder from small files and from the headers of weights; what is doubtful has no likeness.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from evalboard.backends import find_backend
from evalboard.engine.lengths import text_values
from evalboard.engine.spec import EngineSpec
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.repositories.selection import weight_files

CONFIG = "config.json"
CARDS = ("*.md", "LICEN?E*")
ORIGINS = ("_name_or_path", "transformers_version")
"""Values of a config that say where a model comes from, and change nothing."""
OWN = {"name", "model", "revision", "folder", "log_file", "settings"}
"""Fields of a specification that differ between models, or are compared otherwise."""
OUTPUT_HEADS = ("lm_head", "embed_out")
"""Names of output heads in checkpoints. A model without one has tied weights."""
HEADER_BYTES = 16_000_000
"""Longest header that is read."""


def can_have_likeness(spec: EngineSpec) -> bool:
    """Return whether an engine may have a likeness, by its specification alone."""
    return (
        find_backend(spec.backend).replaces_weights
        and WeightType(spec.weight_type) is WeightType.ORIGINAL
        and Precision(spec.precision).is_plain
        and spec.loads_model
        and spec.limits.tensor_parallel == 1
    )


def find_likeness(spec: EngineSpec, folder: Path) -> str:
    """Return a digest that is equal only for engines whose models differ in values of weights alone.

    Args:
        spec: Specification of the engine.
        folder: The files that it loads.

    Returns:
        The digest, empty if the model is none that can be told so.
    """
    if not can_have_likeness(spec):
        return ""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*")}
    files = {name: file for name, file in files.items() if file.is_file()}
    try:
        config = json.loads(files[CONFIG].read_bytes())
        tensors = _tensors(files[name] for name in weight_files(files))
    except (KeyError, OSError, RecursionError, TypeError, ValueError, AttributeError):
        return ""
    if not isinstance(config, dict) or not tensors or _is_doubtful(config, tensors):
        return ""
    beside = sorted(set(files) - {CONFIG, *weight_files(files)})
    content = [
        spec.model_dump(mode="json", exclude=OWN),
        spec.settings.without_secrets().model_dump(mode="json"),
        {name: value for name, value in config.items() if name not in ORIGINS},
        {name: _digest(files[name]) for name in beside if not _is_card(name)},
        tensors,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_doubtful(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> bool:
    text = text_values(config)
    is_tied = config.get("tie_word_embeddings") or text.get("tie_word_embeddings")
    has_head = any(name.split(".")[-2:-1] == [head] for name in tensors for head in OUTPUT_HEADS)
    is_quantised = bool({"quantization_config", "compression_config"} & {*config, *text})
    return bool(is_tied) or not has_head or is_quantised


def _tensors(files: Iterable[Path]) -> dict[str, list[Any]]:
    """Return the type and the shape of each tensor in files.

    Raises:
        ValueError: A header cannot be read, or a tensor is in two files.
    """
    tensors: dict[str, list[Any]] = {}
    for path in files:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > HEADER_BYTES:
                raise ValueError(f"a header of {length:,} bytes")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        if not tensors.keys().isdisjoint(header):
            raise ValueError("a tensor in two files")
        tensors |= {name: [found["dtype"], found["shape"]] for name, found in header.items()}
    return tensors


def _is_card(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in CARDS)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

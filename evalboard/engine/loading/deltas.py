"""Add a delta to its base, tensor by tensor."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from evalboard.engine.loading.failures import some
from evalboard.errors import LoadFailed
from evalboard.repositories.selection import INDEX_FILE, SINGLE_FILE

DERIVED_BUFFER = re.compile(r"rotary_emb\.inv_freq$")
"""Buffers in old checkpoints that are computed during loading."""
OUTPUT_LAYER = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")
"""May be missing from a checkpoint if it equals the embedding."""

TensorFiles = dict[str, Path]
"""The file of every tensor."""


def add_delta(base: Path, delta: Path, into: Path, *, number_type: str) -> None:
    """Write the sum of a base and a delta, in the files of the base.

    Both are first rounded to the number type and added in it, as in lm_eval's `delta=`. Only one
    file of the base is in memory at a time.

    Args:
        base: Weights of the base.
        delta: Weights of the delta.
        into: Folder to write to, with the config of the sum.
        number_type: Name of a torch dtype, such as `bfloat16`, or `auto` for the base's own.

    Raises:
        LoadFailed: The two do not have the same tensors in the same shapes.
    """
    places, added = find_tensors(base), find_tensors(delta)
    _check_names(set(places), set(added), tied=_is_tied(into))
    with ExitStack() as stack:
        files = {
            path: stack.enter_context(safe_open(path, framework="pt"))
            for path in {*places.values(), *added.values()}
        }
        both = [name for name in places if name in added]
        _check_shapes({n: (files[places[n]], files[added[n]]) for n in both})
        for path in set(places.values()):
            total = {
                name: _sum(files[path].get_tensor(name), files[added[name]], name, number_type)
                for name in both
                if places[name] == path
            }
            save_file(total, into / path.name, metadata={"format": "pt"})
    if len(set(places.values())) > 1:
        weight_map = {name: places[name].name for name in both}
        index = json.dumps({"metadata": {}, "weight_map": weight_map}, indent=2)
        (into / INDEX_FILE).write_text(index, encoding="utf-8")


def find_tensors(folder: Path) -> TensorFiles:
    """Return the file of each tensor of a checkpoint."""
    index = folder / INDEX_FILE
    if index.is_file():
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return {name: folder / file for name, file in weight_map.items()}
    with safe_open(folder / SINGLE_FILE, framework="pt") as file:
        return dict.fromkeys(file.keys(), folder / SINGLE_FILE)


def _sum(tensor: torch.Tensor, delta: Any, name: str, number_type: str) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor  # a buffer, such as position numbers
    kind = tensor.dtype if number_type == "auto" else getattr(torch, number_type)
    return tensor.to(kind) + delta.get_tensor(name).to(kind)


def _check_names(base: set[str], delta: set[str], *, tied: bool) -> None:
    """Refuse tensors without a counterpart, except those that loading does not need."""

    def needed(name: str) -> bool:
        return not (DERIVED_BUFFER.search(name) or (tied and OUTPUT_LAYER.search(name)))

    for what, names in (("lacks", base - delta), ("has, without its base,", delta - base)):
        if alone := sorted(filter(needed, names)):
            raise LoadFailed(
                f"Bad weights: the delta {what} {some(alone)}. Name the base model from which the "
                "delta was computed, and upload a delta of all its tensors."
            )


def _check_shapes(pairs: dict[str, tuple[Any, Any]]) -> None:
    for name, (base, delta) in pairs.items():
        shapes = [tuple(file.get_slice(name).get_shape()) for file in (base, delta)]
        if shapes[0] != shapes[1]:
            raise LoadFailed(
                f"Bad weights: tensor {name!r} has the shape {shapes[0]} in the base and "
                f"{shapes[1]} in the delta. Name the base model from which the delta was computed. "
                "If the vocabulary differs, add delta and base and submit the result as Original."
            )


def _is_tied(folder: Path) -> bool:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False).get_text_config()
    return getattr(config, "tie_word_embeddings", False) is True

"""Tensors that are not those of the model that the config describes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.material import edit_json, write_good, write_model
from tests.validation.stored import Shapes, write_shards, write_tensors

SINGLE = "model.safetensors"
EXPERT = "experts.1.w3.weight"
LORA = "base_model.model.model.layers.0.self_attn"
ADAPTER = {"weight_type": "Adapter", "base_model": "org/base"}


def stored(path: Path) -> dict[str, tuple[str, list[int]]]:
    """Return type and shape of the tensors in a file."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {n: (t["dtype"], t["shape"]) for n, t in header.items() if n != "__metadata__"}


def write_mixtral(folder: Path) -> None:
    """Write a good Mixtral of four experts."""
    write_model(folder, "mixtral", num_local_experts=4)


def changed(name: str, code: str, where: str, change: Callable[[dict[str, Any]], Any]) -> Case:
    """Return a tiny Llama with other tensors."""
    return _changed(name, code, where, change, write_good)


def changed_mixtral(
    name: str, code: str, where: str, change: Callable[[dict[str, Any]], Any]
) -> Case:
    """Return a tiny Mixtral with other tensors."""
    return _changed(name, code, where, change, write_mixtral)


def _changed(
    name: str,
    code: str,
    where: str,
    change: Callable[[dict[str, Any]], Any],
    write: Callable[[Path], None],
) -> Case:
    def build(folder: Path) -> None:
        write(folder)
        tensors = stored(folder / SINGLE)
        change(tensors)
        write_tensors(folder / SINGLE, tensors)

    return Case(name, code, build, where)


def adapted(name: str, code: str, factors: Shapes, **config: Any) -> Case:
    """Return an adapter on a tiny Llama."""

    def build(folder: Path) -> dict[str, Any]:
        base = folder.parent / "base"
        base.mkdir()
        write_good(base)
        write_adapter(folder, factors, **config)
        return ADAPTER

    return Case(name, code, build, "adapter_")


def write_adapter(folder: Path, factors: Shapes, **config: Any) -> None:
    """Write an adapter of rank 4 as peft does."""
    write_good(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        path.unlink()
    card = card.replace("license: apache-2.0", "license: apache-2.0\nbase_model: org/base")
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_tensors(folder / "adapter_model.safetensors", factors)
    said = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "org/base",
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(said | config), encoding="utf-8")


def _drop(*endings: str) -> Callable[[dict[str, Any]], None]:
    def change(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.endswith(endings)]:
            del tensors[name]

    return change


def _renumber(tensors: dict[str, Any]) -> None:
    """Leave out the number of an expert, and have as many all the same."""
    for name in [name for name in tensors if ".experts.2." in name]:
        tensors[name.replace(".experts.2.", ".experts.4.")] = tensors.pop(name)


def _drop_expert(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if ".experts.1." in name]:
        del tensors[name]


def _drop_last_expert(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if ".experts.3." in name]:
        del tensors[name]


def _rename(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if "self_attn" in name]:
        tensors[name.replace("self_attn", "attention")] = tensors.pop(name)


def _halve_embedding(tensors: dict[str, Any]) -> None:
    kind, (rows, width) = tensors["model.embed_tokens.weight"]
    tensors["model.embed_tokens.weight"] = (kind, [rows // 2, width])


def _add(tensors: dict[str, Any]) -> None:
    tensors["model.layers.0.self_attn.q_proj.bias"] = ("BF16", [32])


def _larger_config(folder: Path) -> None:
    write_good(folder)
    edit_json(folder / "config.json", num_hidden_layers=2)


def _smaller_config(folder: Path) -> None:
    write_model(folder, "llama", num_hidden_layers=2)
    edit_json(folder / "config.json", num_hidden_layers=1)


def _shard_without_a_tensor(folder: Path) -> None:
    write_good(folder)
    tensors = list(stored(folder / SINGLE).items())
    (folder / SINGLE).unlink()
    write_shards(folder, dict(tensors[:6]), dict(tensors[7:]))


CASES = (
    changed(
        "tensors: one missing",
        "missing_tensors",
        "model.layers.0.mlp.up_proj.weight",
        _drop("up_proj.weight"),
    ),
    changed(
        "tensors: no output layer", "missing_tensors", "lm_head.weight", _drop("lm_head.weight")
    ),
    changed("tensors: other names", "missing_tensors", "self_attn", _rename),
    changed("tensors: one too many", "unexpected_tensors", "q_proj.bias", _add),
    changed("tensors: half an embedding", "wrong_shape", "embed_tokens", _halve_embedding),
    Case("tensors: fewer layers than the config", "missing_tensors", _larger_config, SINGLE),
    Case("tensors: more layers than the config", "unexpected_tensors", _smaller_config, SINGLE),
    Case("tensors: one in no shard", "missing_tensors", _shard_without_a_tensor, "index.json"),
    changed_mixtral("mixtral: no weights of one expert", "missing_tensors", SINGLE, _drop_expert),
    changed_mixtral("mixtral: no last expert", "wrong_shape", "experts", _drop_last_expert),
    changed_mixtral("mixtral: part of an expert", "missing_tensors", EXPERT, _drop(EXPERT)),
    changed_mixtral("mixtral: a skipped expert", "missing_tensors", "experts.2", _renumber),
    adapted(
        "adapter: half of its factors",
        "missing_tensors",
        {f"{LORA}.q_proj.lora_A.weight": ("F32", [4, 32])},
    ),
    adapted(
        "adapter: factors of another width",
        "wrong_shape",
        {
            f"{LORA}.q_proj.lora_A.weight": ("F32", [4, 64]),
            f"{LORA}.q_proj.lora_B.weight": ("F32", [64, 4]),
        },
    ),
    adapted(
        "adapter: modules that the base does not have",
        "adapter_does_not_fit",
        {f"{LORA}.Wqkv.lora_A.weight": ("F32", [4, 16])},
        target_modules=["Wqkv"],
    ),
)

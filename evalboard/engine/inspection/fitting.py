"""Compare the names and shapes of stored tensors with the model that a config describes.

One of the parts that `evalboard.engine.inspection.inspector` loads in a confined process. The model
is built on the meta device, and transformers' own loading is run on tensors without data: it
renames keys, fuses experts, splits and transposes. The result is therefore that of real loading.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalboard.engine.loading.pretrained import auto_class

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

MAX_NAMES_PER_KIND = 20
"""Number of examples of each kind of difference in an answer."""


def compare_tensors(folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the differences between the stored tensors and the model's.

    Args:
        folder: Holds the config.
        inputs: `tensors`: shape of each stored tensor by its name, or its number of values where
            only that is known; `adapter`: the content of `adapter_config.json`, when the tensors
            are a LoRA adapter's.

    Returns:
        `missing` and `unexpected`: names; `misshaped`: name, stored shape and the model's;
        `unconverted`: tensors of the model that could not be made of the stored ones. The first
        few of each; `numbers` has how many there are.
    """
    config = _plain_config(folder)
    if inputs.get("adapter"):
        return _compare_adapter(config, inputs["tensors"], inputs["adapter"])
    return _compare_model(config, inputs["tensors"])


def _compare_model(config: "PreTrainedConfig", tensors: dict[str, Any]) -> dict[str, Any]:
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.modeling_utils import LoadStateDictConfig

    model = _empty_model(config)
    conversions: Any = get_model_conversion_mapping(model)
    loading = LoadStateDictConfig(
        device_map={"": "meta"},
        dtype=model.dtype,
        ignore_mismatched_sizes=True,  # they are told below, by name
        weight_mapping=conversions,
    )
    with _quick_copies():
        info, _ = model._load_pretrained_model(model, _without_data(model, tensors), None, loading)
    model.mark_tied_weights_as_initialized(info)
    model.tie_weights(missing_keys=info.missing_keys, recompute_mapping=False)
    model._adjust_missing_and_unexpected_keys(info)
    unconverted = set(info.conversion_errors)
    return _answer(
        missing=info.missing_keys - unconverted,
        unexpected=info.unexpected_keys,
        misshaped={name: (tuple(was), tuple(wanted)) for name, was, wanted in info.mismatched_keys},
        unconverted=unconverted,
    )


def _compare_adapter(
    config: "PreTrainedConfig", tensors: dict[str, Any], adapter: dict[str, Any]
) -> dict[str, Any]:
    """Apply an empty LoRA to an empty base, as peft does, and compare its stored form."""
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

    wanted = LoraConfig.from_peft_type(**adapter)
    wanted.inference_mode = True
    model: Any = get_peft_model(_empty_model(config), wanted, low_cpu_mem_usage=True)
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in get_peft_model_state_dict(
            model, save_embedding_layers=any("embed" in name for name in tensors)
        ).items()
    }
    stored = {name: tuple(shape) for name, shape in tensors.items() if isinstance(shape, list)}
    return _answer(
        missing=expected.keys() - stored.keys(),
        unexpected=stored.keys() - expected.keys(),
        misshaped={
            name: (stored[name], expected[name])
            for name in stored.keys() & expected.keys()
            if stored[name] != expected[name]
        },
        unconverted=set(),
    )


def _plain_config(folder: str) -> "PreTrainedConfig":
    """Return the config of the model without quantisation, like the tensors."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    for part in {id(c): c for c in (config, config.get_text_config())}.values():
        if hasattr(part, "quantization_config"):
            delattr(part, "quantization_config")
    return config


def _empty_model(config: "PreTrainedConfig") -> "PreTrainedModel":
    import torch

    with torch.device("meta"):
        return auto_class(config).from_config(config, trust_remote_code=False)


@contextmanager
def _quick_copies() -> Iterator[None]:
    """Make transformers copy weight converters without their content.

    transformers copies them for each tensor of each expert, which dominates the time for tens of
    thousands of tensors.
    """
    from transformers import core_model_loading

    module: Any = core_model_loading
    original = module.deepcopy
    module.deepcopy = _copy_transform
    try:
        yield
    finally:
        module.deepcopy = original


def _copy_transform(transform: Any) -> Any:
    """Return a conversion with the same rules and without tensors."""
    made = copy.copy(transform)
    made.collected_tensors = defaultdict(list)
    made.layer_targets = defaultdict(set)
    return made


def _without_data(model: "PreTrainedModel", tensors: dict[str, Any]) -> dict[str, "torch.Tensor"]:
    """Return the stored tensors on the meta device.

    If only the number of values of a packed weight is known, it gets the model's shape if the
    numbers agree.
    """
    import torch

    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {}
    for name, shape in tensors.items():
        if isinstance(shape, int):
            wanted = own.get(name, own.get(f"{model.base_model_prefix}.{name}", ()))
            shape = wanted if torch.Size(wanted).numel() in (shape, shape - 1) else (shape,)
        found[name] = torch.empty(tuple(shape), dtype=model.dtype, device="meta")
    return found


def _answer(
    *,
    missing: set[str],
    unexpected: set[str],
    misshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]],
    unconverted: set[str],
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "missing": sorted(missing),
        "unexpected": sorted(unexpected),
        "misshaped": [[name, *shapes] for name, shapes in sorted(misshaped.items())],
        "unconverted": sorted(unconverted),
    }
    numbers = {kind: len(names) for kind, names in found.items()}
    return {kind: names[:MAX_NAMES_PER_KIND] for kind, names in found.items()} | {
        "numbers": numbers
    }

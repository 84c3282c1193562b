"""Quantisation in a config and in the stored tensors. Pure.

Each method stores a weight in its own way: packed into other types and shapes, together with
scales. This module determines the method, the number of parameters in the packed values, and the
unquantised tensors, for comparison with the model's tensors.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from evalboard.validation.headers import Tensor
from evalboard.validation.tensors import Survey

PLACES = ("quantization_config", "compression_config")
"""Keys of `config.json`, or of its `text_config`, that quantisers write."""


class Method(NamedTuple):
    """The storage of a weight by a method of quantisation."""

    weight: str
    """Suffix of the packed weight's name after the module's name, in place of `.weight`."""
    beside: tuple[str, ...]
    """Suffixes of the accompanying tensors."""
    needed: str
    """The accompanying tensor that reading the weight requires."""
    title: str


GPTQ = Method(".qweight", (".qzeros", ".scales", ".g_idx"), ".scales", "GPTQ")
AWQ = Method(".qweight", (".qzeros", ".scales"), ".scales", "AWQ")
INT8 = Method(".weight", (".SCB", ".weight_format"), ".SCB", "bitsandbytes 8bit")
INT4 = Method(
    ".weight",
    (
        ".weight.absmax",
        ".weight.quant_map",
        ".weight.nested_absmax",
        ".weight.nested_quant_map",
        ".weight.quant_state.bitsandbytes__nf4",
        ".weight.quant_state.bitsandbytes__fp4",
    ),
    ".weight.absmax",
    "bitsandbytes 4bit",
)
FP8 = Method(
    ".weight",
    (
        ".weight_scale_inv",
        ".weight_scale",
        ".input_scale",
        ".activation_scale",
        ".k_scale",
        ".v_scale",
    ),
    "",
    "FP8",
)
COMPRESSED = Method(
    ".weight_packed",
    (
        ".weight_scale",
        ".weight_zero_point",
        ".weight_g_idx",
        ".weight_shape",
        ".weight_global_scale",
        ".input_global_scale",
        ".input_scale",
        ".input_zero_point",
    ),
    ".weight_scale",
    "compressed-tensors",
)
_METHODS = {
    "gptq": GPTQ,
    "awq": AWQ,
    "bitsandbytes": INT8,
    "bitsandbytes_8bit": INT8,
    "bitsandbytes_4bit": INT4,
    "fp8": FP8,
    "compressed-tensors": COMPRESSED,
}
_PACKED = re.compile(r"(?P<module>.+)(\.qweight|\.weight_packed)$")
_TELLING = (
    (re.compile(r"\.g_idx$"), GPTQ),
    (re.compile(r"\.qweight$"), AWQ),
    (re.compile(r"\.SCB$"), INT8),
    (re.compile(r"\.weight\.quant_state\.bitsandbytes__(nf4|fp4)$"), INT4),
    (re.compile(r"\.weight_packed$"), COMPRESSED),
    (re.compile(r"\.weight_scale_inv$"), FP8),
)
"""Names that only quantised checkpoints have, with their method. The first match counts."""


class Quantisation(NamedTuple):
    """What a config says."""

    name: str
    """The method's name in the config, such as `gptq`; empty if it has none."""
    bits: int
    """Bits of a stored value, 0 if unknown."""
    where: str
    """Key of the config."""
    method: Method | None
    """None for unknown methods."""

    @property
    def title(self) -> str:
        """Name of the method for messages."""
        return self.method.title if self.method else self.name


class DequantisedTensor(NamedTuple):
    """An unquantised tensor."""

    shape: tuple[int, ...] | None
    """None if only the number of values is known."""
    values: int


def read_quantisation(config: Mapping[str, Any]) -> Quantisation | None:
    """Return the quantisation in a `config.json`, None without one."""
    text = config.get("text_config")
    for source in (config, text if isinstance(text, dict) else {}):
        for key in PLACES:
            found = source.get(key)
            if isinstance(found, dict) and found:
                return _read(found, key)
    return None


def stored_method(survey: Survey) -> Method | None:
    """Return the method of stored tensors by their names, None for none."""
    for pattern, method in _TELLING:
        if any(pattern.search(name) for name in survey.tensors):
            return method
    return None


def parameter_count(survey: Survey, quantised: Quantisation | None) -> int:
    """Return the number of parameters in stored tensors.

    Scales and other helpers do not count. A packed value counts as the values in it.
    """
    return sum(tensor.values for tensor in dequantise(survey, quantised).values())


def dequantise(survey: Survey, quantised: Quantisation | None) -> dict[str, DequantisedTensor]:
    """Return all unquantised tensors by name."""
    method = quantised.method if quantised else None
    if quantised is None or method is None:
        return {
            name: DequantisedTensor(placed.tensor.shape, placed.tensor.values)
            for name, placed in survey.tensors.items()
        }
    found: dict[str, DequantisedTensor] = {}
    for name, placed in survey.tensors.items():
        if _is_beside(name, method, survey):
            continue
        packed = _PACKED.match(name) if method.weight != ".weight" else None
        if packed:
            found[f"{packed['module']}.weight"] = _unpack(placed.tensor, method, quantised.bits)
        elif method is INT4 and f"{name}.absmax" in survey.tensors:
            found[name] = DequantisedTensor(None, 2 * placed.tensor.values)
        else:
            found[name] = DequantisedTensor(placed.tensor.shape, placed.tensor.values)
    return found


def bare_weights(survey: Survey, method: Method) -> list[str]:
    """Return packed weights whose required tensors are missing."""
    if not method.needed or method.weight == ".weight":
        return []
    modules = (m["module"] for name in survey.tensors if (m := _PACKED.match(name)))
    return sorted(
        f"{module}{method.needed}"
        for module in modules
        if f"{module}{method.needed}" not in survey.tensors
    )


def _is_beside(name: str, method: Method, survey: Survey) -> bool:
    ending = next((end for end in method.beside if name.endswith(end)), None)
    if ending is None:
        return False
    module = name.removesuffix(ending)
    return any(f"{module}{end}" in survey.tensors for end in (method.weight, ".weight"))


def _unpack(tensor: Tensor, method: Method, bits: int) -> DequantisedTensor:
    """Return the weight in packed integers, several values in each."""
    size = 8 * (tensor.end - tensor.start) // max(1, tensor.values)
    if not bits or size % bits or len(tensor.shape) != 2:
        return DequantisedTensor(None, tensor.values * size // bits if bits else tensor.values)
    fold = size // bits
    rows, columns = tensor.shape
    if method is GPTQ:
        shape = (columns, rows * fold)
    elif method is AWQ:
        shape = (columns * fold, rows)
    else:
        shape = (rows, columns * fold)
    return DequantisedTensor(shape, rows * columns * fold)


def _read(found: dict[str, Any], key: str) -> Quantisation:
    name = found.get("quant_method")
    name = name if isinstance(name, str) else ""
    if found.get("load_in_4bit") is True or found.get("_load_in_4bit") is True:
        name = "bitsandbytes_4bit"
    elif found.get("load_in_8bit") is True or found.get("_load_in_8bit") is True:
        name = "bitsandbytes_8bit"
    return Quantisation(name, _bits(found, name), key, _METHODS.get(name))


def _bits(found: dict[str, Any], name: str) -> int:
    if name.startswith("bitsandbytes"):
        return 4 if name.endswith("4bit") else 8
    values = [found.get("bits"), found.get("w_bit")]
    groups = found.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        values.append(weights.get("num_bits") if isinstance(weights, dict) else None)
    sizes = [value for value in values if type(value) is int and 1 <= value <= 16]
    return sizes[0] if sizes else (8 if name == "fp8" else 0)

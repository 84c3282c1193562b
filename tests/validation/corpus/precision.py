"""Quantised checkpoints that are asked for, or labelled, as something else."""

from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.material import edit_json, write_good
from tests.validation.stored import QUANTISED_PARTS, write_tensors

CONFIG = "config.json"
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128}
AWQ = {"quant_method": "awq", "bits": 4, "version": "gemm"}
INT4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
INT8 = {"quant_method": "bitsandbytes", "load_in_8bit": True}
COMPRESSED = {"quant_method": "compressed-tensors", "format": "pack-quantized"}


def quantised(
    name: str,
    code: str,
    config: dict[str, Any] | None,
    method: str,
    asked: str = "",
    where: str = "",
) -> Case:
    """Return a checkpoint that is stored by a method, and whose config says something."""

    def build(folder: Path) -> dict[str, Any]:
        write_good(folder)
        edit_json(folder / CONFIG, quantization_config=config)
        if method:
            write_tensors(folder / "model.safetensors", QUANTISED_PARTS[method])
        return {"precision": asked} if asked else {}

    return Case(name, code, build, where or CONFIG)


def _bare_gptq(folder: Path) -> None:
    write_good(folder)
    edit_json(folder / CONFIG, quantization_config=GPTQ)
    parts = dict(QUANTISED_PARTS["gptq"])
    del parts["l.scales"]
    write_tensors(folder / "model.safetensors", parts)


CASES = (
    quantised(
        "precision: GPTQ asked as bfloat16", "precision_unsupported", GPTQ, "gptq", "bfloat16"
    ),
    quantised(
        "precision: 4bit asked as 8bit", "precision_unsupported", INT4, "bitsandbytes_4bit", "8bit"
    ),
    quantised(
        "precision: 8bit asked as float16",
        "precision_unsupported",
        INT8,
        "bitsandbytes_8bit",
        "float16",
    ),
    quantised("precision: AWQ", "precision_unsupported", AWQ, "awq"),
    quantised("precision: compressed-tensors", "precision_unsupported", COMPRESSED, ""),
    quantised(
        "precision: a method of nobody's", "precision_unsupported", {"quant_method": ["x"]}, ""
    ),
    quantised("precision: GPTQ asked of bfloat16", "precision_unsupported", None, "", "GPTQ"),
    quantised("precision: GPTQ that the config hides", "quantisation_unnamed", None, "gptq"),
    quantised(
        "precision: 4bit that the config hides", "quantisation_unnamed", None, "bitsandbytes_4bit"
    ),
    quantised("precision: GPTQ by the config alone", "quantisation_missing", GPTQ, ""),
    quantised("precision: 4bit labelled 8bit", "quantisation_missing", INT8, "bitsandbytes_4bit"),
    Case("precision: GPTQ without scales", "missing_tensors", _bare_gptq, "l.scales"),
)

"""The number formats that a model is evaluated in, and what is known of each.

A new precision is a member and a row here, and an entry in the precisions of each backend that runs
it (`evalboard.backends`); a way of storing weights that the checks do not know yet is described in
`evalboard.validation.quantisation`.
"""

import re
from enum import StrEnum
from typing import NamedTuple


class PrecisionFacts(NamedTuple):
    """What a precision means for a model's files and its memory."""

    dtype: str
    """Name of the torch dtype that weights are loaded in; `auto` for the one they are stored in."""
    bytes_per_parameter: float | None
    """In memory; None for as many as in the files."""
    spellings: tuple[str, ...] = ()
    """Other names of it in request files, its earlier ones too, in lower case without `torch.`, `-` and spaces."""
    methods: tuple[str, ...] = ()
    """Methods of quantisation, as configs name them, of the checkpoints that are stored in it."""
    is_made_by_loading: bool = False
    """Whether a checkpoint of plain numbers is quantised to it while it is loaded."""


class Precision(StrEnum):
    """Number format that a model is evaluated in."""

    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"
    INT8 = "8bit"
    INT4 = "4bit"
    PREQUANTISED = "prequantised"
    """As the checkpoint is stored, which somebody has quantised already."""

    @classmethod
    def parse(cls, text: str) -> "Precision | None":
        """Read a precision as boards write it: `torch.float16`, `BF16`, `8-bit`; None for others."""
        word = re.sub(r"[\s-]+", "", text.lower()).removeprefix("torch.")
        return next((p for p in cls if word == p.value or word in p.facts.spellings), None)

    @classmethod
    def _missing_(cls, value: object) -> "Precision | None":
        """Accept what earlier versions wrote."""
        return cls.PREQUANTISED if value == "GPTQ" else None

    @property
    def facts(self) -> PrecisionFacts:
        """What it means for a model's files and its memory."""
        return _FACTS[self]

    @property
    def is_plain(self) -> bool:
        """Whether it is a type of numbers, and no method of quantisation."""
        return not self.facts.methods

    @property
    def must_be_stored(self) -> bool:
        """Whether only a checkpoint that is stored in it can be evaluated in it."""
        return not self.is_plain and not self.facts.is_made_by_loading


_FACTS = {
    Precision.FLOAT16: PrecisionFacts("float16", 2.0, spellings=("fp16", "half")),
    Precision.BFLOAT16: PrecisionFacts("bfloat16", 2.0, spellings=("bf16",)),
    Precision.FLOAT32: PrecisionFacts("float32", 4.0, spellings=("fp32", "float")),
    Precision.INT8: PrecisionFacts(
        "auto",
        1.0,
        spellings=("int8",),
        methods=("bitsandbytes", "bitsandbytes_8bit"),
        is_made_by_loading=True,
    ),
    Precision.INT4: PrecisionFacts(
        "auto",
        0.5,
        spellings=("int4",),
        methods=("bitsandbytes_4bit",),
        is_made_by_loading=True,
    ),
    Precision.PREQUANTISED: PrecisionFacts("auto", None, spellings=("gptq",), methods=("gptq",)),
}

PLAIN_PRECISIONS = tuple(precision for precision in Precision if precision.is_plain)


def stored_as(method: str) -> Precision | None:
    """Return the precision of checkpoints that a method has quantised; None where none fits."""
    return next((p for p in Precision if method in p.facts.methods), None)

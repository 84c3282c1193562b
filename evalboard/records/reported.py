"""Scores that somebody else reports: shown apart on the board, and never ranked among its own."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


class ReportedScore(BaseModel):
    """One score as its source gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Fraction
    stderr: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class ReportedRow(BaseModel):
    """One model in one setting."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    model: str
    """Name as the source has it."""
    setting: str = ""
    """How the source measured, such as `5-shot`."""
    source: str
    """Where the scores are from: a publication with its table, or an imported file."""
    link: str = ""
    """Address of the source, empty without one."""
    kind: Literal["published", "imported"] = "published"
    revision: str = ""
    precision: str = ""
    scores: dict[str, ReportedScore]
    """By benchmark key."""
    average: Fraction | None = None
    """Made of the scores as the suite's is. Null if one that counts is missing, and before the board is
    built."""

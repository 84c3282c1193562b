"""What a score has cost: time, GPUs, energy and tokens."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

_Number = TypeVar("_Number", int, float)


class Usage(BaseModel):
    """What was measured while a benchmark was answered, beside its time."""

    model_config = ConfigDict(frozen=True, extra="allow")

    energy_wh: float | None = None
    """Energy of the GPUs in watt hours, of all that ran on them meanwhile; None without a GPU."""
    energy_is_estimated: bool = False
    """Whether it is the GPUs' power limit times the time, because a GPU has no counter of its energy."""
    prompt_tokens: int | None = None
    """Tokens of the questions: each context once, with all its choices. None where they were not counted."""
    generated_tokens: int | None = None
    """0 where the model ranked choices. None where they were not counted."""


class Spent(NamedTuple):
    """What one score has cost, or several."""

    seconds: float
    """From building the prompts to the last score."""
    gpu_hours: float
    """These seconds for each GPU of the engine, in hours; 0 on a CPU."""
    energy_wh: float | None
    energy_is_estimated: bool
    generated_tokens: int | None
    prompt_tokens: int | None = None
    """As in `Usage`."""


def spent(seconds: float, gpus: int, usage: Usage) -> Spent:
    """Return what a score has cost, from its time and the number of GPUs."""
    return Spent(
        seconds,
        seconds * gpus / 3600,
        usage.energy_wh,
        usage.energy_is_estimated,
        usage.generated_tokens,
        usage.prompt_tokens,
    )


def total(costs: Iterable[Spent | None]) -> Spent | None:
    """Return the sum of what several scores have cost, None of none. A sum needs all of its parts.

    Args:
        costs: Of each score, None where it is not known.
    """
    known = list(costs)
    parts = [part for part in known if part]
    if not parts or len(parts) < len(known):
        return None
    return Spent(
        sum(part.seconds for part in parts),
        sum(part.gpu_hours for part in parts),
        _sum([part.energy_wh for part in parts]),
        any(part.energy_is_estimated for part in parts),
        _sum([part.generated_tokens for part in parts]),
        _sum([part.prompt_tokens for part in parts]),
    )


def _sum(values: Sequence[_Number | None]) -> _Number | None:
    """Return the sum of at least one value, None if one is not known."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if len(known) == len(values) else None

"""What a score has cost: time, GPUs, energy and generated tokens."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Usage(BaseModel):
    """What was measured while a benchmark was answered, beside its time."""

    model_config = ConfigDict(frozen=True, extra="allow")

    energy_wh: float | None = None
    """Energy of the GPUs in watt hours, of all that ran on them meanwhile; None without a GPU."""
    energy_is_estimated: bool = False
    """Whether it is the GPUs' power limit times the time, because a GPU has no counter of its energy."""
    generated_tokens: int | None = None
    """None where the model ranked choices, or its backend does not count them."""


class Spent(NamedTuple):
    """What one score has cost, or several."""

    seconds: float
    """From building the prompts to the last score."""
    gpu_hours: float
    """These seconds for each GPU of the engine, in hours; 0 on a CPU."""
    energy_wh: float | None
    energy_is_estimated: bool
    tokens: int | None
    """Generated ones."""


def spent(seconds: float, gpus: int, usage: Usage) -> Spent:
    """Return what a score has cost, from its time and the number of GPUs."""
    return Spent(
        seconds,
        seconds * gpus / 3600,
        usage.energy_wh,
        usage.energy_is_estimated,
        usage.generated_tokens,
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
    energies = [part.energy_wh for part in parts if part.energy_wh is not None]
    tokens = [part.tokens for part in parts if part.tokens is not None]
    return Spent(
        sum(part.seconds for part in parts),
        sum(part.gpu_hours for part in parts),
        sum(energies) if len(energies) == len(parts) else None,
        any(part.energy_is_estimated for part in parts),
        sum(tokens) if len(tokens) == len(parts) else None,
    )

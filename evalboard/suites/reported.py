"""The published scores that a suite shows apart, from a YAML file with their sources."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evalboard.errors import ConfigError, first_problem
from evalboard.records.reported import ReportedRow, ReportedScore
from evalboard.suites.model import Suite

Percent = Annotated[float, Field(ge=0, le=100)]
DIGITS = 6
"""Digits of a fraction: as exact as any published percentage."""


class _Published(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    setting: str
    source: str
    link: Annotated[str, Field(pattern=r"^https?://\S+$")]
    percent: dict[str, Percent]
    """Scores in percent by benchmark key, as they are printed."""


_FILE = TypeAdapter(tuple[_Published, ...])


def published_rows(suite: Suite) -> list[ReportedRow]:
    """Return the rows of the suite's file, none without one.

    Raises:
        ConfigError: The file is missing or invalid, or names a benchmark that the suite does not have.
    """
    if suite.reported is None:
        return []
    entries = _read(suite.reported)
    known = {benchmark.key for benchmark in suite.benchmarks}
    for entry in entries:
        if unknown := sorted(entry.percent.keys() - known):
            raise ConfigError(
                f"File {str(suite.reported)!r} reports a score of {entry.model!r} on "
                f"{unknown[0]!r}, which suite {suite.name!r} does not have. Correct the key."
            )
    return [_row(entry) for entry in entries]


def _row(entry: _Published) -> ReportedRow:
    scores = {
        key: ReportedScore(value=round(value / 100, DIGITS)) for key, value in entry.percent.items()
    }
    return ReportedRow(scores=scores, **entry.model_dump(exclude={"percent"}))


def _read(path: Path) -> tuple[_Published, ...]:
    try:
        return _FILE.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    except ValidationError as exc:
        raise ConfigError(
            f"File {str(path)!r} with reported scores is invalid: {first_problem(exc)}."
        ) from exc
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as exc:
        what = " ".join(str(exc).split())
        raise ConfigError(
            f"File {str(path)!r} with reported scores cannot be read: {what}"
        ) from exc

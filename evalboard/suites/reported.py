"""The published scores that a suite shows apart, from a YAML file with their sources."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evalboard.errors import ConfigError, first_problem
from evalboard.records.reported import ReportedRow, ReportedScore
from evalboard.suites.contradictions import Mistake
from evalboard.suites.lines import LineMistake, mistake_of, read_lines
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
_ENTRY = TypeAdapter(_Published)
NOT_A_LIST = "A file with reported scores is a list of entries with `model`, `setting`, `source`, `link` and `percent`."


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


def reported_mistakes(text: str, suite: Suite) -> list[LineMistake]:
    """Return every mistake in a file with reported scores, with its line.

    Args:
        text: The file.
        suite: The suite that shows them.
    """
    lines = read_lines(text)
    if lines.root is None:
        return lines.mistakes
    if not isinstance(lines.content, list):
        return [LineMistake(1, NOT_A_LIST)]
    found = [*_of_entries(lines.content), *_of_keys(lines.content, suite), *_twice(lines.content)]
    named = [LineMistake(lines.line(place), message) for place, message in found]
    return sorted([*lines.mistakes, *named])


def _of_entries(entries: Sequence[Any]) -> Iterator[Mistake]:
    for at, entry in enumerate(entries):
        try:
            _ENTRY.validate_python(entry)
        except ValidationError as exc:
            yield from (mistake_of(dict(error), (at,)) for error in exc.errors())


def _of_keys(entries: Sequence[Any], suite: Suite) -> Iterator[Mistake]:
    """Yield scores on what is no benchmark of the suite."""
    known = [benchmark.key for benchmark in suite.benchmarks]
    for at, entry in enumerate(entries):
        scores = entry.get("percent") if isinstance(entry, dict) else None
        for key in scores if isinstance(scores, dict) else ():
            if key not in known:
                near = ", ".join(get_close_matches(str(key), known, cutoff=0))
                message = f"The suite has no benchmark {key!r}. The nearest are {near}."
                yield Mistake((at, "percent", key), message)


def _twice(entries: Sequence[Any]) -> Iterator[Mistake]:
    """Yield entries of a model in a setting that an earlier one from the same source has."""
    seen: set[tuple[Any, ...]] = set()
    for at, entry in enumerate(entries):
        if isinstance(entry, dict):
            row = tuple(str(entry.get(name)) for name in ("model", "setting", "source"))
            if row in seen:
                yield Mistake(
                    (at,), f"An earlier entry has {row[0]!r}, {row[1]!r} from this source."
                )
            seen.add(row)


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

"""Findings with safe quotes of strangers' texts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from evalboard.records.report import Finding, Level
from evalboard.wording import first_few, plain

MAX_QUOTE_CHARACTERS = 120


class Outcome(NamedTuple):
    """The findings and facts of one check."""

    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Any] = {}


def error(code: str, message: str, *, fix: str = "", where: str = "") -> Finding:
    """Return a finding that rejects the submission."""
    return _finding(Level.ERROR, code, message, fix, where)


def warning(code: str, message: str, *, fix: str = "", where: str = "") -> Finding:
    """Return a finding that does not reject the submission."""
    return _finding(Level.WARNING, code, message, fix, where)


def info(code: str, message: str, *, fix: str = "", where: str = "") -> Finding:
    """Return a finding without judgement."""
    return _finding(Level.INFO, code, message, fix, where)


def loading_failed(
    code: str, what: str, problem: str, kind: str, *, fix: str, where: str
) -> Finding:
    """Return the finding on a part that did not load.

    Args:
        code: Code of the finding if the repository is at fault.
        what: The part, to complete `Loading …`.
        problem: Why it did not load.
        kind: Name of the exception.
        fix: What the submitter can do if the repository is at fault.
        where: File and value.
    """
    if kind not in ("ImportError", "ModuleNotFoundError"):
        return error(code, f"Loading {what} failed: {problem}.", fix=fix, where=where)
    return error(
        "package_missing",
        f"Loading {what} needs a package that this installation does not have: {problem}.",
        fix="Ask the board's operators to install it, or submit a model that does not need it.",
        where=where,
    )


def of_base(finding: Finding, base: str) -> Finding:
    """Return a finding as one about the base model."""
    where = f"{base}: {finding.where}" if finding.where else base
    message = f"Base model {quoted(base)}: {finding.message}"
    return _finding(finding.level, finding.code, message, finding.fix, where)


def quoted(value: object) -> str:
    """Return a short quote of a value from a hostile file, or its type's name."""
    if isinstance(value, str):
        return repr(plain(value, MAX_QUOTE_CHARACTERS))
    if isinstance(value, bool | int | float) or value is None:
        return plain(repr(value), MAX_QUOTE_CHARACTERS)
    return f"a {type(value).__name__}"


def listed(values: list[str], *, shown: int = 5) -> str:
    """Return the first few of many values for a message."""
    return first_few([quoted(value) for value in values], shown)


def _finding(level: Level, code: str, message: str, fix: str, where: str) -> Finding:
    return Finding(
        level=level, code=code, message=plain(message), fix=plain(fix), where=plain(where)
    )

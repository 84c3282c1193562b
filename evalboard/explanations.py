"""What findings and failures say to people, and what a person can do: one table, `explanations.toml`.

A finding names its code, and so does the failure of a run. The code leads to a sentence that needs no
numbers or names, and so exists in every language of the pages; to the field of the form that it is about;
and for a failure to advice. `python -m evalboard.explanations` prints the tables of the docs.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class FindingKind(BaseModel):
    """What all findings with a code have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: tuple[Literal["error", "warning", "info"], ...]
    says: str
    field: str = ""
    """Field of the submission that it is about, empty for the repository's content."""


class FailureKind(BaseModel):
    """What all failures with a code have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: Literal["author", "operator", "nobody"]
    """Who can do something about it; nobody where it passes by itself."""
    says: str
    advice: str


class Explanations(BaseModel):
    """The content of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: Mapping[str, Mapping[str, FindingKind]]
    """By heading, then by code."""
    failures: Mapping[str, FailureKind]
    """By code, see `evalboard.errors`."""

    @property
    def finding_kinds(self) -> dict[str, FindingKind]:
        """The kinds of findings by code."""
        return {code: kind for group in self.findings.values() for code, kind in group.items()}

    @property
    def sentences(self) -> set[str]:
        """All sentences that people read."""
        failures = (text for kind in self.failures.values() for text in (kind.says, kind.advice))
        return {*(kind.says for kind in self.finding_kinds.values()), *failures}


@cache
def explanations() -> Explanations:
    """Return the table."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return Explanations.model_validate(tomllib.loads(text))


def findings_table() -> str:
    """Return the codes of findings as a Markdown table."""
    rows = ["| code | level | what it says |", "|---|---|---|"]
    for heading, kinds in explanations().findings.items():
        rows.append(f"| **{heading}** | | |")
        rows += [f"| `{c}` | {', '.join(kind.levels)} | {kind.says} |" for c, kind in kinds.items()]
    return "\n".join(rows)


def failures_table() -> str:
    """Return the codes of failures as a Markdown table."""
    rows = ["| code | what it says | who | what to do |", "|---|---|---|---|"]
    kinds = explanations().failures.items()
    rows += [f"| `{c}` | {kind.says} | {kind.who} | {kind.advice} |" for c, kind in kinds]
    return "\n".join(rows)


if __name__ == "__main__":
    print(findings_table(), failures_table(), sep="\n\n")  # noqa: T201 - its output as a program

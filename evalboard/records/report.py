"""The report on a submission: all findings of all checks."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """Severity of a finding. Only an error rejects the submission."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(BaseModel):
    """One finding of a check."""

    model_config = ConfigDict(frozen=True)

    level: Level
    code: str
    """Stable name of the finding, such as `no_safetensors`."""
    message: str
    """The problem, in one sentence."""
    fix: str = ""
    """What the submitter can do about it."""
    where: str = ""
    """File and value that the check read."""


class Report(BaseModel):
    """All findings about one submission."""

    model_config = ConfigDict(frozen=True)

    model: str
    revision: str
    """Commit sha that was checked, or the requested revision if it could not be resolved."""
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
    """Facts about the model: `architectures`, `params_billion`, `license`, …"""

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that reject the submission."""
        return tuple(f for f in self.findings if f.level is Level.ERROR)

    def to_document(self) -> dict[str, Any]:
        """Return the report as `evalboard validate --json` prints it."""
        return {
            "ok": self.ok,
            "model": self.model,
            "revision": self.revision,
            "findings": [f.model_dump(mode="json") for f in self.findings],
            "facts": self.facts,
        }

    def summary(self) -> str:
        """Return one line with every error, or the statement that there is none."""
        if self.ok:
            return "All checks passed."
        return " ".join(f"{f.message} {f.fix}".strip() for f in self.errors)

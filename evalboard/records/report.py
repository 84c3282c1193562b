"""The report on a submission: all findings of all checks."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """How bad a finding is: only an error rejects the submission."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(BaseModel):
    """One thing that a check has to say."""

    model_config = ConfigDict(frozen=True)

    level: Level
    code: str
    """Stable name of the kind of finding, such as `no_safetensors`."""
    message: str
    """One sentence: what was found."""
    fix: str = ""
    """What the submitter can do about it."""
    where: str = ""
    """The file and value that the check saw."""


class Report(BaseModel):
    """Everything that the checks found about one submission."""

    model_config = ConfigDict(frozen=True)

    model: str
    revision: str
    """Commit sha that was checked; the revision as asked for when it could not be resolved."""
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
    """What the checks learned on the way: `architectures`, `params_billion`, `license`, …"""

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
        """Return one line that names every error, or says that there is none."""
        if self.ok:
            return "All checks passed."
        return " ".join(f"{f.message} {f.fix}".strip() for f in self.errors)

"""Whether scores of two versions of lm-eval and of a backend compare: what `evalboard upgrade-check` found."""

from pydantic import BaseModel, ConfigDict, Field


class Versions(BaseModel):
    """What measured a score."""

    model_config = ConfigDict(frozen=True)

    backend: str
    """`vllm` or `hf`."""
    backend_version: str
    lm_eval: str

    def __str__(self) -> str:
        return f"lm-eval {self.lm_eval}, {self.backend} {self.backend_version}"


class Verdict(BaseModel):
    """The answers of some models to one benchmark, with two versions. Scores are in points: percent."""

    model_config = ConfigDict(frozen=True, extra="allow")

    suite: str
    benchmark: str
    old: Versions
    new: Versions
    compares: bool
    """Whether rows with scores of either version are ranked together on this benchmark."""
    models: tuple[str, ...]
    """Names of the rows that were asked again."""
    questions: int = Field(ge=0)
    """Questions that both versions asked, of all models together."""
    different: int = Field(ge=0)
    """Questions with another answer or verdict, and those that only one version asked."""
    largest_difference: float
    """Of two log-likelihoods of the same choice; 0 where there are none."""
    points: float
    """Score of the new version minus that of the old one, on these questions."""
    low: float
    """Lower end of the 95 % interval of `points`."""
    high: float
    margin: float
    """Largest difference that counts as none: the interval has to lie within ± this."""
    time: str = ""
    """When it was found; UTC, ISO 8601."""

    def replaces(self, other: "Verdict") -> bool:
        """Return whether it is about the same benchmark and versions as another one."""
        return self._about == other._about

    @property
    def _about(self) -> tuple[str, str, frozenset[Versions]]:
        return self.suite, self.benchmark, frozenset((self.old, self.new))

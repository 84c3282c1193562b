"""Which versions of lm-eval and of a backend give comparable scores: those that a verdict joins. Pure."""

from collections.abc import Iterable

from evalboard.board.scores import Origin
from evalboard.records.verdict import Verdict, Versions


def versions_of(origin: Origin) -> Versions:
    """Return what measured a score."""
    return Versions(
        backend=origin.backend,
        backend_version=origin.backend_version,
        lm_eval=origin.lm_eval_version,
    )


class Harnesses:
    """The versions of one board.

    Verdicts join versions in chains: where 1 compares with 2, and 2 with 3, all three do.
    """

    def __init__(self, verdicts: Iterable[Verdict] = (), suite: str = "") -> None:
        self._names: dict[tuple[str, Versions], str] = {}
        for verdict in verdicts:
            if verdict.suite == suite and verdict.compares:
                self._join(verdict.benchmark, verdict.old, verdict.new)

    def name(self, benchmark: str, versions: Versions) -> str:
        """Return a name that is the same for all versions whose scores compare on a benchmark."""
        return self._names.get((benchmark, versions)) or str(versions)

    def _join(self, benchmark: str, *both: Versions) -> None:
        names = {self.name(benchmark, one) for one in both}
        joined = {
            place for place, name in self._names.items() if place[0] == benchmark and name in names
        }
        for place in joined | {(benchmark, one) for one in both}:
            self._names[place] = min(names)

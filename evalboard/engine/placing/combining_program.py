"""What makes a process merge an adapter or add a delta; see `placing.child_program`."""

from pathlib import Path

from evalboard.engine.keeping import Keeper
from evalboard.engine.loading.combining import Combination, combine
from evalboard.engine.spec import EngineSpec


class Combiner:
    """Combines weights of strangers."""

    def combine(self, is_adapter: bool, base: str, own: str, into: str, number_type: str) -> None:
        """See `evalboard.engine.loading.combining.combine`."""
        combine(Combination(is_adapter, Path(base), Path(own), Path(into), number_type))


def import_libraries(backend: str, cpu_kv_cache_gib: int) -> None:
    """Import what combines."""
    import peft  # noqa: F401
    import transformers  # noqa: F401

    import evalboard.engine.loading.deltas  # noqa: F401


def prepare(spec: EngineSpec) -> None:
    """Do nothing."""


def make(spec: EngineSpec, keeper: Keeper, questions: Path) -> Combiner:
    """Return what combines."""
    return Combiner()

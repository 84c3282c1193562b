"""Which architectures the installed vLLM has, without importing it, which takes long."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_REGISTRY = "model_executor/models/registry.py"
_NOT_FOR_TEXT = frozenset({"_PREVIOUSLY_SUPPORTED_MODELS", "_OOT_SUPPORTED_MODELS"})


@cache
def vllm_architectures() -> frozenset[str]:
    """Return the architectures in vLLM's registry; empty when vLLM is not installed."""
    spec = find_spec("vllm")
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    path = Path(next(iter(spec.submodule_search_locations))) / _REGISTRY
    if not path.is_file():
        return frozenset()
    tables = [
        statement.value
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Dict)
        and not _names(statement) & _NOT_FOR_TEXT
    ]
    keys = (key for table in tables for key in table.keys)
    return frozenset(
        key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
    )


def _names(statement: ast.Assign) -> set[str]:
    return {target.id for target in statement.targets if isinstance(target, ast.Name)}

"""The backends: what loads a model and answers questions, and all that the rest must know of each.

Imports none of their libraries. Whatever depends on the backend asks its description: the settings
which names there are, the checks which precisions and architectures it runs, the placing whether it
spans GPUs, the loading which module loads with it.

A new backend is a description here, in `BACKENDS`, and a module of the engine with a function
`load(arguments: LoadArguments)`, which returns a model of lm_eval that has the method `stream`
(`evalboard.engine.streaming`).
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from evalboard.records.precision import PLAIN_PRECISIONS, Precision


@dataclass(frozen=True)
class FailureSigns:
    """How a library's failures are understood, beside what torch and transformers raise.

    Texts are parts of the error's class and message, in lower case.
    """

    out_of_memory: tuple[str, ...] = ()
    unsupported_architecture: tuple[str, ...] = ()
    bad_weights: tuple[str, ...] = ()
    weight_readers: tuple[str, ...] = ()
    """Names of functions: a failure in one of them is about the weights."""
    in_log: tuple[str, ...] = ()
    """Texts of errors whose reason only the log of another process has."""
    fatal: tuple[str, ...] = ()
    """Names of error classes after which the process is of no more use."""


@dataclass(frozen=True)
class Backend:
    """One way to load a model and ask it."""

    name: str
    """In settings, results and identities."""
    title: str
    """In messages."""
    distribution: str
    """Installed package whose version the scores depend on."""
    module: str
    """Module of the engine that loads with it."""
    precisions: Mapping[Precision, str]
    """What it runs, each with the package to import for it beside the backend, empty for none."""
    spans_gpus: bool
    """Whether it can divide a model over several GPUs."""
    reserves_memory: bool
    """Whether it takes memory for whole requests beforehand, a share of a GPU that it is told.
    Then a shorter maximum length and another share help when memory runs out; else only fewer
    requests at the same time do."""
    puts_adapters: bool = False
    """Whether it can put an adapter on loaded weights, without merging the two."""
    batch_size: int | None = None
    """Requests at the same time at first; None for the library's own number."""
    architectures: Callable[[], frozenset[str]] = frozenset
    """Return the names that it has models for; empty where it does not say, or is not installed."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables to set before its library is imported."""
    cpu_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """More of them where there is no GPU. `{cpu_kv_cache_gib}` stands for that setting."""
    falls_back: bool = False
    """Whether it runs transformers' own model of an architecture that it lacks, where that model
    takes its attention from outside."""
    failures: FailureSigns = FailureSigns()

    def runs(self, precision: str) -> bool:
        """Return whether it runs a precision."""
        return precision in self.precisions

    def may_run(self, architectures: Iterable[str]) -> bool:
        """Return whether it has one of a model's architectures, as far as it says."""
        known = self.architectures()
        return not known or not known.isdisjoint(architectures)


def find_backend(name: str) -> Backend:
    """Return a backend by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in BACKENDS:
        raise ValueError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}")
    return BACKENDS[name]


def backend_for(precision: str, preferred: str) -> Backend:
    """Return the backend that runs a precision: the preferred one where it does, or where none does.

    Args:
        precision: Empty where none is asked for yet.
        preferred: Name of the board's backend.
    """
    first = find_backend(preferred)
    able = [backend for backend in (first, *BACKENDS.values()) if backend.runs(precision)]
    return (able or [first])[0]


@cache
def vllm_architectures() -> frozenset[str]:
    """Return the architectures in vLLM's registry, without importing it, which takes long."""
    spec = find_spec("vllm")
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    folder = Path(next(iter(spec.submodule_search_locations)))
    path = folder / "model_executor" / "models" / "registry.py"
    return frozenset(_table_keys(path)) if path.is_file() else frozenset()


_NOT_FOR_TEXT = frozenset({"_PREVIOUSLY_SUPPORTED_MODELS", "_OOT_SUPPORTED_MODELS"})
"""Tables of vLLM's registry with architectures that it does not run."""


def _table_keys(path: Path) -> Iterator[str]:
    """Yield the keys of the dictionaries that a Python file defines."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Dict):
            continue
        if _names(statement).isdisjoint(_NOT_FOR_TEXT):
            keys = (key.value for key in statement.value.keys if isinstance(key, ast.Constant))
            yield from (key for key in keys if isinstance(key, str))


def _names(statement: ast.Assign) -> set[str]:
    return {target.id for target in statement.targets if isinstance(target, ast.Name)}


VLLM = Backend(
    name="vllm",
    title="vLLM",
    distribution="vllm",
    module="evalboard.engine.vllm_model",
    precisions={**dict.fromkeys(PLAIN_PRECISIONS, ""), Precision.PREQUANTISED: ""},
    spans_gpus=True,
    reserves_memory=True,
    architectures=vllm_architectures,
    falls_back=True,
    environment={
        # One process holds the engine, so that its death is the death of the actor.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
    },
    cpu_environment={
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_CPU_KVCACHE_SPACE": "{cpu_kv_cache_gib}",
        # vLLM compiles one small sampling kernel at the first request, with a C++ compiler
        # that may not be there: 14 s on two cores, for a result that is the same without.
        "TORCH_COMPILE_DISABLE": "1",
    },
    failures=FailureSigns(
        out_of_memory=(
            # vllm/v1/core/kv_cache_utils.py: the cache does not hold one request of full length
            "no available memory for the cache blocks",
            "larger than the available kv cache memory",
            "not enough gpu memory available to serve",
            # vllm/v1/worker/utils.py: somebody else holds the GPU's memory
            "less than desired gpu memory utilization",
            "exceed the desired gpu memory utilization",
            "less than the engine's budget",
            # vllm/v1/worker/cpu_worker.py
            "less than desired cpu memory utilization",
            "less than requested memory for kv",
            # vllm/config/compilation.py
            "exceeds available mamba cache blocks",
        ),
        unsupported_architecture=(
            # vllm/model_executor/models/registry.py
            "are not supported for now",
            "is not supported anymore",
            "is not supported in-tree anymore",
            "cannot find model module",
            "is not compatible with vllm",
            "no model architectures are specified",
            # vllm/compilation/decorators.py: no language model
            "not found in the forward method",
        ),
        bad_weights=(
            # vllm/model_executor/model_loader/default_loader.py, weight_utils.py
            "weights were not initialized from checkpoint",
            "cannot find any model weights",
            "weight files referenced in index but missing",
        ),
        weight_readers=("load_weights",),  # which assert shapes without a word
        in_log=("initialization failed",),  # of one of its own processes
        fatal=("EngineDeadError",),
    ),
)

HF = Backend(
    name="hf",
    title="transformers",
    distribution="transformers",
    module="evalboard.engine.hf_model",
    precisions={
        **dict.fromkeys(PLAIN_PRECISIONS, ""),
        Precision.INT8: "bitsandbytes",
        Precision.INT4: "bitsandbytes",
        Precision.PREQUANTISED: "gptqmodel",
    },
    spans_gpus=False,
    reserves_memory=False,
    puts_adapters=True,
    batch_size=16,
)

BACKENDS = {backend.name: backend for backend in (VLLM, HF)}
"""By name, in the order in which one is looked for that runs a precision."""

"""The backends: libraries that load a model and answer questions, each with its description.

The module imports none of these libraries. Everything that depends on the backend asks its
description: the settings for the names, the checks for precisions and architectures, the placing
for the use of several GPUs, and the loading for the module.

A new backend is a description here, in `BACKENDS`, and a module of the engine with two functions:
`load(arguments: LoadArguments)`, which returns a model of lm_eval that has the method `stream`
(`evalboard.engine.streaming`), and `prepare(architectures)`, which does what the library cannot do
in a confined process. One that `replaces_weights` also has `replace(model, arguments)`.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evalboard.errors import Shortage
from evalboard.records.precision import PLAIN_PRECISIONS, Precision


@dataclass(frozen=True)
class FailureSigns:
    """The interpretation of a library's failures, in addition to those of torch and transformers.

    The texts are parts of the error's class and message, in lower case.
    """

    out_of_memory: Mapping[Shortage, tuple[str, ...]] = field(default_factory=dict[Any, Any])
    """By what was too small."""
    unsupported_architecture: tuple[str, ...] = ()
    bad_weights: tuple[str, ...] = ()
    weight_readers: tuple[str, ...] = ()
    """Names of functions in which a failure concerns the weights."""
    in_log: tuple[str, ...] = ()
    """Texts of errors whose reason is only in the log of another process."""
    unfit_machine: tuple[str, ...] = ()
    """Texts of errors that this machine causes, whatever the model."""
    fatal: tuple[str, ...] = ()
    """Names of error classes after which the process is unusable."""


@dataclass(frozen=True)
class Backend:
    """One way to load a model and run it."""

    name: str
    """Name in settings, results and identities."""
    title: str
    """Name in messages."""
    distribution: str
    """Installed package whose version affects the scores."""
    module: str
    """Module of the engine that loads models with this backend."""
    precisions: Mapping[Precision, str]
    """Supported precisions, each with the additional package that it needs, empty for none."""
    spans_gpus: bool
    """Whether it can split a model over several GPUs."""
    reserves_memory: bool
    """Whether it reserves a given fraction of a GPU's memory in advance. If so, a shorter context
    and another fraction help when memory runs out; otherwise only fewer concurrent requests do.
    """
    method: int = 1
    """Number of the way in which this project computes scores with it. It goes up with each change that
    can change a score, and is part of the score's key.
    """
    text_method: int = 1
    """The same number for texts: those that the model generates, and those that it reads in windows."""
    compiles_kernels: bool = False
    """Whether it needs a C compiler on a machine with GPUs."""
    replaces_weights: bool = False
    """Whether it can load other weights in place of a loaded model's."""
    puts_adapters: bool = False
    """Whether it can apply an adapter to loaded weights without merging."""
    batch_size: int | None = None
    """Initial number of concurrent requests, None for the library's default."""
    architectures: Callable[[], frozenset[str]] = frozenset
    """Return its supported architectures, empty if unknown or not installed."""
    cpu_head_sizes: Callable[[], frozenset[int]] = frozenset
    """Return the sizes of attention heads for which its installed kernels for CPUs are made, empty if
    any will do, or if its installation is not one for CPUs."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables to set before the import of its library."""
    cpu_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further variables without a GPU. `{cpu_kv_cache_gib}` stands for that setting."""
    falls_back: bool = False
    """Whether it can run transformers' model of an architecture without a native one, if that model
    supports external attention.
    """
    failures: FailureSigns = FailureSigns()

    def may_attend(self, head_sizes: Iterable[int]) -> bool:
        """Return whether it can run attention heads of these sizes on a CPU, as far as known."""
        known = self.cpu_head_sizes()
        return not known or known.issuperset(head_sizes)

    def runs(self, precision: str) -> bool:
        """Return whether it supports a precision."""
        return precision in self.precisions

    def may_run(self, architectures: Iterable[str]) -> bool:
        """Return whether it supports one of a model's architectures, as far as known."""
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
    """Return the backend for a precision: the preferred one if it supports it, or if none does.

    Args:
        precision: Empty if not chosen yet.
        preferred: Name of the board's backend.
    """
    first = find_backend(preferred)
    able = [backend for backend in (first, *BACKENDS.values()) if backend.runs(precision)]
    return (able or [first])[0]


@cache
def vllm_architectures() -> frozenset[str]:
    """Return the architectures in vLLM's registry without the slow import of vLLM."""
    folder = _vllm_folder()
    path = folder / "model_executor" / "models" / "registry.py" if folder else None
    return frozenset(_table_keys(path)) if path and path.is_file() else frozenset()


@cache
def vllm_cpu_head_sizes() -> frozenset[int]:
    """Return the head sizes of the kernels in vLLM's build for CPUs, without importing vLLM."""
    folder = _vllm_folder()
    path = folder / "v1" / "attention" / "backends" / "cpu_attn.py" if folder else None
    if path is None or not path.is_file() or not _is_cpu_build():
        return frozenset()
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == "get_supported_head_sizes"
    ]
    numbers = (
        node.value
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Constant)
    )
    return frozenset(number for number in numbers if type(number) is int)


def _is_cpu_build() -> bool:
    """Return whether the installed vLLM is for CPUs. It decides by its version, too."""
    try:
        return version("vllm").endswith("+cpu")
    except PackageNotFoundError:
        return False


def _vllm_folder() -> Path | None:
    spec = find_spec("vllm")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


_NOT_FOR_TEXT = frozenset({"_PREVIOUSLY_SUPPORTED_MODELS", "_OOT_SUPPORTED_MODELS"})
"""Tables of vLLM's registry with unsupported architectures."""


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
    replaces_weights=True,
    compiles_kernels=True,
    architectures=vllm_architectures,
    cpu_head_sizes=vllm_cpu_head_sizes,
    falls_back=True,
    # 1: sampled where the task says nothing, decoded token by token, windows two tokens shorter
    # 2: one seed, and so the same noise, for all questions that are sampled
    text_method=3,
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
        out_of_memory={
            # vllm/v1/core/kv_cache_utils.py: the cache does not hold one request of full length
            Shortage.CACHE: (
                "no available memory for the cache blocks",
                "larger than the available kv cache memory",
                "not enough gpu memory available to serve",
            ),
            # vllm/config/compilation.py
            Shortage.SEQUENCES: ("exceeds available mamba cache blocks",),
            Shortage.SHARE: (
                # vllm/v1/worker/utils.py: somebody else holds the GPU's memory
                "less than desired gpu memory utilization",
                "exceed the desired gpu memory utilization",
                "less than the engine's budget",
                # vllm/v1/worker/cpu_worker.py
                "less than desired cpu memory utilization",
                "less than requested memory for kv",
            ),
        },
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
            # the first token (evalboard/engine/vllm_model.py): the build for CPUs lacks kernels
            "cannotcompute:",
        ),
        bad_weights=(
            # vllm/model_executor/model_loader/default_loader.py, weight_utils.py
            "weights were not initialized from checkpoint",
            "cannot find any model weights",
            "weight files referenced in index but missing",
        ),
        weight_readers=("load_weights",),  # which assert shapes without a word
        unfit_machine=(
            # vllm/platforms/cuda.py
            "bfloat16 is only supported on gpus with compute capability",
            # vllm/config/device.py
            "failed to infer device type",
            # vllm/distributed/device_communicators/pynccl_wrapper.py
            "nccl error",
        ),
        in_log=("initialization failed",),  # of one of its own processes
        # its own process died; a step failed in ours (evalboard/engine/vllm_feeding.py)
        fatal=("EngineDeadError", "StepFailed"),
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
    # 1: log-softmax and sums in the model's precision, penalties and beams of its generation_config,
    #    heads tied by the config alone, LongRoPE in padded batches.
    method=2,
    text_method=2,
    puts_adapters=True,
    batch_size=16,
)

BACKENDS = {backend.name: backend for backend in (VLLM, HF)}
"""All backends by name, in the order of the search for a precision."""

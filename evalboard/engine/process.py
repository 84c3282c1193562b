"""The process that holds one loaded model and answers "evaluate this benchmark".

A Ray actor in production, a plain object where no process of its own is wanted. lm_eval and the
backends are imported when they are first needed, after the environment is set.
"""

import os
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalboard.engine.spec import EngineSpec
from evalboard.errors import EvalboardError
from evalboard.identity import BenchmarkIdentity, ModelIdentity, benchmark_key, run_key
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.repositories import find_repository

if TYPE_CHECKING:
    from lm_eval.api.model import LM

    from evalboard.engine.scoring import Scored
    from evalboard.engine.tasks import TaskLibrary


class EngineProcess:
    """One model.

    Args:
        spec: What to hold.
        device: `cuda` or `cpu`, as placed.
    """

    def __init__(self, spec: EngineSpec, device: str) -> None:
        self._spec = spec
        self._device = device
        self._weights: Path | None = None
        self._library: TaskLibrary | None = None
        self._model: LM | None = None
        self._load_seconds = 0.0

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """Return the key and size of every benchmark, and what this engine is.

        Needs the questions and the model's small files, not its weights in memory. A benchmark
        that cannot be run carries its problem; the others are not stopped by it.
        """
        return [self._plan(key) for key in self._spec.benchmarks], self._facts()

    def load(self) -> EngineFacts:
        """Load the model, once, and say what it is."""
        self._loaded_model()
        return self._facts()

    def evaluate(self, benchmark: str) -> "Scored":
        """Run one benchmark, after loading the model when that has not been done."""
        from evalboard.engine.scoring import score

        model, loaded = self._loaded_model(), self._load_task(benchmark)
        return score(
            model,
            loaded,
            key=self._key(loaded.identity),
            limit=self._spec.limit,
            use_chat_template=self._spec.use_chat_template,
        )

    def _loaded_model(self) -> "LM":
        if self._model is None:
            from evalboard.engine import backends

            started = time.monotonic()
            self._model = backends.load(
                backends.BackendArguments(
                    backend=self._spec.backend,
                    weights=self._model_folder(),
                    precision=self._spec.precision,
                    device=self._device,
                    tensor_parallel=self._spec.settings.tensor_parallel,
                    gpu_memory_fraction=self._spec.settings.gpu_memory_fraction,
                    max_length=self._spec.settings.max_model_length,
                )
            )
            self._load_seconds = time.monotonic() - started
        return self._model

    def _plan(self, benchmark: str) -> BenchmarkPlan:
        try:
            loaded = self._load_task(benchmark)
        except EvalboardError as exc:
            problem = {"code": exc.code, "message": exc.message}
            return BenchmarkPlan(benchmark=benchmark, key="", n=0, problem=problem)
        n = min(self._spec.limit or loaded.n_original, loaded.n_original)
        return BenchmarkPlan(benchmark=benchmark, key=self._key(loaded.identity), n=n)

    def _load_task(self, benchmark: str) -> Any:
        from evalboard.engine.tasks import TaskLibrary

        chosen = self._spec.suite.select(self._spec.benchmarks)
        if self._library is None:
            self._library = TaskLibrary(
                chosen,
                definitions=self._spec.suite.tasks,
                mirror=self._spec.settings.datasets,
                offline=self._spec.settings.offline,
            )
        (wanted,) = self._spec.suite.select((benchmark,))
        return self._library.load(
            wanted, num_fewshot=self._spec.num_fewshot, limit=self._spec.limit
        )

    def _key(self, benchmark: BenchmarkIdentity) -> str:
        return benchmark_key(self._identity, benchmark)

    @cached_property
    def _identity(self) -> ModelIdentity:
        """Asked for by every benchmark; with a chat template it takes loading the tokenizer."""
        from evalboard.engine.catalog import chat_template_sha, versions

        spec, installed = self._spec, versions(self._spec.backend)
        template = chat_template_sha(self._model_folder()) if spec.use_chat_template else None
        return ModelIdentity(
            model=spec.model,
            revision=spec.revision,
            precision=spec.precision,
            weight_type=spec.weight_type,
            base_model=spec.base_model,
            chat_template_sha=template,
            backend=spec.backend,
            backend_version=installed.backend,
            lm_eval_version=installed.lm_eval,
            max_length=spec.settings.max_model_length,
        )

    def _model_folder(self) -> Path:
        if self._weights is None:
            spec = self._spec
            self._weights = find_repository(spec.model, spec.revision, spec.settings).weights()
        return self._weights

    def _facts(self) -> EngineFacts:
        from evalboard.engine.catalog import architecture, machine, versions

        installed, identity = versions(self._spec.backend), self._identity
        settings = self._spec.settings
        return EngineFacts(
            run_key=run_key(identity, self._spec.suite.name),
            backend=identity.backend,
            backend_version=identity.backend_version,
            lm_eval_version=identity.lm_eval_version,
            transformers_version=installed.transformers,
            torch_version=installed.torch,
            architecture=architecture(self._model_folder()),
            chat_template_sha=identity.chat_template_sha,
            settings={
                "device": self._device,
                "tensor_parallel": settings.tensor_parallel,
                "max_length": getattr(self._model, "max_length", None),
            },
            machine=machine(),
            load_seconds=self._load_seconds,
        )


class LoggedEngineProcess(EngineProcess):
    """An engine whose output goes to its own log file, which outlives it."""

    def __init__(self, spec: EngineSpec, device: str) -> None:
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(spec.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        super().__init__(spec, device)

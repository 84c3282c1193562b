"""The holder of an engine: it starts the engine's process, and does for it what needs trust.

The process that loads a model is confined (`profile`). Its holder downloads the model's files with
the token and puts them into the process's view, lets another process fetch missing questions, keeps
the answers as they arrive, and keeps what is finished. A holder is an object of the run's own
process, or an actor that Ray places.
"""

import os
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from evalboard.engine.environment import kernel_caches
from evalboard.engine.loading.combining import Combination
from evalboard.engine.placing.child_engine import ChildEngine, View, shared_kernels
from evalboard.engine.placing.keeping import WorkKeeper
from evalboard.engine.spec import EngineSpec
from evalboard.errors import DataMissing
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts

MODEL = "evalboard.engine.placing.model_program"
COMBINER = "evalboard.engine.placing.combining_program"
FETCHER = "evalboard.engine.placing.questions_program"
Planned = tuple[list[BenchmarkPlan], EngineFacts]
_PLANNED: TypeAdapter[Planned] = TypeAdapter(Planned)
_PROBLEMS = TypeAdapter(dict[str, dict[str, str]])
_THIS_MACHINE = f"{socket.gethostname()}-"
"""Beginning of the names of views. The process id of their holder follows."""


class EngineHolder:
    """Holds one engine on this machine.

    Args:
        spec: Specification of the engine.
        made_of: Module that makes the engine in its process.
        child: A process that was started ahead, None to start one.
    """

    def __init__(
        self, spec: EngineSpec, made_of: str = MODEL, child: ChildEngine | None = None
    ) -> None:
        self._spec = spec
        self._made_of = made_of
        self._child = child or ChildEngine(spec.settings, spec.log_file)
        self._making = threading.Lock()
        self._made: WorkKeeper | None = None
        views = spec.settings.work_folder / "views"
        views.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(views)
        self._view = Path(tempfile.mkdtemp(dir=views, prefix=f"{_THIS_MACHINE}{os.getpid()}-"))

    def node(self) -> str:
        """Return the id of the machine that Ray has placed this holder on."""
        import ray

        return ray.get_runtime_context().get_node_id()

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call a method of the engine; see `evalboard.engine.process.EngineProcess`.

        Raises:
            ProcessEnded: The process ended.
            Unforeseen: The method raised an error from outside the project.
            EvalboardError: The method's own error.
        """
        keeper = self._engine()
        match method:
            case "plan":
                return self._plan()
            case "load":
                return EngineFacts.model_validate(self._ask(method))
            case "evaluate":
                return self._evaluate(keeper, *arguments)
            case _:
                return self._ask(method, *arguments)

    def end(self) -> None:
        """End the engine's process."""
        self._child.end()
        shutil.rmtree(self._view, ignore_errors=True)

    def _engine(self) -> WorkKeeper:
        with self._making:
            if self._made is None:
                spec = self._spec
                keeper = WorkKeeper(spec, self._view, self._combine)
                view = self._whole_view(keeper.files.places, keeper.files.name)
                self._child.make(self._made_of, spec, view, keeper=keeper)
                self._made = keeper
            return self._made

    def _whole_view(self, places: list[Path], name: str) -> View:
        """Return what the engine sees: its model, its questions, and its own compiled kernels."""
        settings, suite = self._spec.settings, self._spec.suite
        shared, own = shared_kernels(), settings.work_folder / "compiled" / name
        for folder in (self._questions, own / "vllm"):
            folder.mkdir(parents=True, exist_ok=True)
        known_classes = shared / "vllm" / "modelinfos"
        with suppress(OSError):  # a home that cannot be written costs a few seconds, no more
            known_classes.mkdir(parents=True, exist_ok=True)
            (own / "vllm" / known_classes.name).symlink_to(known_classes)
        for place in places:
            if not place.exists():  # a folder in the cache of the Hub's client
                place.mkdir(parents=True, exist_ok=True)
        trusted = [
            place
            for folder in (settings.datasets, suite.tasks)
            if folder
            for place in (folder, *_link_targets(folder))
        ]
        return View(
            questions=self._questions,
            readable=[self._view, self._questions, shared, *trusted, *places],
            writable=[own],
            environment=kernel_caches(own),
        )

    @property
    def _questions(self) -> Path:
        return self._spec.settings.work_folder / "questions"

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self._child.call(method, *arguments).fields["value"]

    def _plan(self) -> Planned:
        """Plan the benchmarks, after fetching the questions that are missing."""
        plans, facts = _PLANNED.validate_python(self._ask("plan"))
        missing = [plan.benchmark for plan in plans if _lacks_questions(plan)]
        if not missing or self._spec.settings.offline:
            return plans, facts
        problems = self._fetch(missing)
        plans, facts = _PLANNED.validate_python(self._ask("plan"))
        return [
            plan.model_copy(update={"problem": problems[plan.benchmark]})
            if plan.benchmark in problems
            else plan
            for plan in plans
        ], facts

    def _evaluate(self, keeper: WorkKeeper, benchmark: str, progress_key: str) -> BenchmarkOutcome:
        with keeper.expecting(benchmark, progress_key):
            message = self._child.call("evaluate", benchmark)
            outcome = BenchmarkOutcome.model_validate(message.fields["value"])
            keeper.keep(outcome, message.content)
        return outcome

    def _fetch(self, benchmarks: list[str]) -> dict[str, dict[str, str]]:
        """Fetch questions in a process that has the network, and sees no file of a model."""
        spec = self._spec
        process = ChildEngine(spec.settings, spec.log_file, is_confined=False)
        try:
            process.make(FETCHER, spec, View(self._questions, []))
            return _PROBLEMS.validate_python(process.call("fetch", benchmarks).fields["value"])
        finally:
            process.end()

    def _combine(self, combination: Combination) -> None:
        """Combine weights in a confined process of its own."""
        assert self._made  # its keeper asks for the combination
        spec = self._spec
        readable = [combination.base, combination.own, *self._made.files.places]
        process = ChildEngine(spec.settings, spec.log_file)
        try:
            process.make(COMBINER, spec, View(self._questions, readable, [combination.into]))
            process.call("combine", *combination)
        finally:
            process.end()


def _link_targets(folder: Path) -> set[Path]:
    """Return the folders to which the links in a folder of the operator lead."""
    targets: set[Path] = set()
    for place, folders, files in os.walk(folder):
        links = (Path(place) / name for name in (*folders, *files))
        found = [Path(os.path.realpath(link)) for link in links if link.is_symlink()]
        targets |= {target if target.is_dir() else target.parent for target in found}
    return targets


def _clear_abandoned(views: Path) -> None:
    """Remove the views of holders on this machine that were killed."""
    for view in views.glob(f"{_THIS_MACHINE}*"):
        pid = view.name.removeprefix(_THIS_MACHINE).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(view, ignore_errors=True)


def _lacks_questions(plan: BenchmarkPlan) -> bool:
    return plan.problem is not None and plan.problem["code"] == DataMissing.code

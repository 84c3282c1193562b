"""The holder of an engine: it starts the engine's process, and does for it what needs trust.

The process that loads a model is confined (`profile`). Its holder downloads the model's files with
the token and puts them into the process's view, lets another process fetch missing questions, keeps
the answers as they arrive, and keeps what is finished. A holder is an object of the run's own
process, or an actor that Ray places. Under a fork server it may leave the process to the holder of the
next model (`staying`).
"""

import os
import shutil
import socket
import threading
import weakref
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from evalboard.engine.environment import kernel_caches
from evalboard.engine.loading.combining import Combination
from evalboard.engine.loading.likeness import find_likeness
from evalboard.engine.placing.calling import ProcessEnded, Unforeseen
from evalboard.engine.placing.child_engine import ChildEngine, View, shared_kernels
from evalboard.engine.placing.forking import take_process
from evalboard.engine.placing.keeping import WorkKeeper
from evalboard.engine.placing.preparing import combine_apart
from evalboard.engine.placing.skew import versions_here
from evalboard.engine.placing.staying import (
    CallRecord,
    confinement_name,
    has_links,
    may_stay,
)
from evalboard.engine.placing.views import clear_abandoned, hold, make_view
from evalboard.engine.spec import EngineSpec
from evalboard.errors import DataMissing, EngineDied, EvalboardError
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts

MODEL = "evalboard.engine.placing.model_program"
FETCHER = "evalboard.engine.placing.questions_program"
Planned = tuple[list[BenchmarkPlan], EngineFacts]
_PLANNED: TypeAdapter[Planned] = TypeAdapter(Planned)
_PROBLEMS = TypeAdapter(dict[str, dict[str, str]])
VIEW, LIKENESS, KERNELS, FOLDERS = "view", "likeness", "kernels", "folders"
"""Names of the notes about a process that stays."""


class Node(NamedTuple):
    """A machine of a cluster."""

    id: str
    """Of Ray."""
    host: str
    versions: dict[str, str]
    """Versions by library; see `skew`."""


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
        self._making = threading.RLock()
        self._record = CallRecord()
        self._made: WorkKeeper | None = None
        self._swapping = threading.Lock()
        self._has_ended = False
        self._is_ready = False
        self._likeness: str | None = None
        self._views = spec.settings.work_folder / "views"
        kept = None if child or not may_stay(spec) else take_process(self._confinement)
        self._earlier = kept.notes if kept else None
        if kept:
            self._child = ChildEngine(spec.settings, spec.log_file, kept=kept)
            view = Path(kept.notes[VIEW])
            self._let_go = weakref.finalize(self, os.close, hold(view))
            self._view = _emptied(view)
        else:
            self._start(child)
        clear_abandoned(self._views)

    def _start(self, child: ChildEngine | None = None) -> None:
        """Begin with a process that has seen no model, and a view for it."""
        spec = self._spec
        self._earlier = None
        self._made = None
        self._child = child or ChildEngine(
            spec.settings, spec.log_file, takes_device=spec.loads_model
        )
        self._view, lock = make_view(self._views)
        self._let_go = weakref.finalize(self, os.close, lock)

    def node(self) -> Node:
        """Return the machine that Ray has placed this holder on."""
        import ray

        node_id = ray.get_runtime_context().get_node_id()
        return Node(node_id, socket.gethostname(), versions_here(self._spec.backend))

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call a method of the engine; see `evalboard.engine.process.EngineProcess`.

        Two are the holder's own: `find_files` downloads and combines what `load` will ask for, and
        `ask_next` lets the engine, with its model, answer another suite of its own.

        Raises:
            ProcessEnded: The process ended.
            Unforeseen: The method raised an error from outside the project.
            EvalboardError: The method's own error.
        """
        with self._record.calling(method):
            match method:
                case "plan":
                    return self._planned()
                case "ask_next":
                    return self._ask_next(*arguments)
                case "find_files":
                    return self._keeper().find_loadable_files()
                case "load":
                    self._get_ready()
                    facts = EngineFacts.model_validate(self._ask(method))
                    self._note_likeness()
                    return facts
                case "evaluate":
                    self._get_ready()
                    outcome = self._evaluate(*arguments)
                    self._note_likeness()
                    return outcome
                case _:
                    return self._ask(method, *arguments)

    def _ask_next(self, spec: EngineSpec) -> None:
        with self._making:
            keeper = WorkKeeper(spec, self._view, self._combine)
            self._child.follow(spec, View(self._questions, []), keeper=keeper, is_same_model=True)
            self._spec, self._made = spec, keeper

    def end(self) -> None:
        """End the engine's process, or leave it for the next model."""
        with self._swapping:
            self._has_ended = True
        if self._stays():
            self._let_go()
        else:
            self._end_process()

    def _stays(self) -> bool:
        """Leave the process for the next model, and return whether it is left."""
        if not (self._likeness and self._record.is_spotless):
            return False
        notes = {
            VIEW: str(self._view),
            LIKENESS: self._likeness,
            KERNELS: str(self._kernels),
            FOLDERS: [str(folder) for folder in self._folders],
        }
        seconds = self._spec.settings.engine_idle_seconds
        return self._child.keep(self._confinement, notes, seconds=seconds)

    def _end_process(self) -> None:
        self._child.end()
        self._let_go()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _folders(self) -> list[Path]:
        """Folders that end with the process: with several models, what they have compiled too."""
        return [self._view, self._kernels] if self._earlier else [self._view]

    @property
    def _kernels(self) -> Path:
        """Folder of the kernels that the process compiles: that of its first model."""
        if self._earlier:
            return Path(self._earlier[KERNELS])
        return self._spec.settings.work_folder / "compiled" / self._keeper().files.name

    @property
    def _confinement(self) -> str:
        return confinement_name(self._spec, self._trusted)

    def _note_likeness(self) -> None:
        """Note the likeness of the model that is loaded."""
        given = self._keeper().given
        if self._likeness is None and given and may_stay(self._spec):
            self._likeness = find_likeness(self._spec, given)

    def _get_ready(self) -> None:
        """Make sure that the process can load the model, before it does so for the first time.

        One with an earlier model loads the weights in place if nothing else differs. After any
        failure the model gets a process of its own, in which a fault of the model shows again.
        """
        with self._making:
            if self._earlier and not self._is_ready and not self._follows(self._earlier):
                self._renew()
            self._is_ready = True

    def _follows(self, earlier: dict[str, Any]) -> bool:
        """Load the weights in place of the earlier model's, and return whether that is done."""
        with suppress(EvalboardError, OSError, ProcessEnded, Unforeseen):
            keeper = self._keeper()
            keeper.serve_small_files()
            keeper.serve_loadable_files()
            assert keeper.given
            likeness = find_likeness(self._spec, keeper.given)
            if likeness == earlier[LIKENESS] and not has_links(self._view):
                self._ask("load")
                return True
        return False

    def _renew(self) -> None:
        """Begin again with a process that has seen no model."""
        self._end_process()
        with self._swapping:
            if self._has_ended:
                raise ProcessEnded(EngineDied, "it was stopped.")
            self._start()

    def _keeper(self) -> WorkKeeper:
        with self._making:
            if self._made is None:
                spec = self._spec
                self._made = keeper = WorkKeeper(spec, self._view, self._combine)
                if self._earlier:
                    self._child.follow(spec, View(self._questions, []), keeper=keeper)
                else:
                    view = self._whole_view(keeper.files.places)
                    self._child.make(self._made_of, spec, view, keeper=keeper)
            return self._made

    def _whole_view(self, places: list[Path]) -> View:
        """Return what the engine sees: its model, its questions, and its own compiled kernels."""
        shared, own = shared_kernels(), self._kernels
        for folder in (self._questions, own / "vllm"):
            folder.mkdir(parents=True, exist_ok=True)
        known_classes = shared / "vllm" / "modelinfos"
        with suppress(OSError):  # a home that cannot be written costs a few seconds, no more
            known_classes.mkdir(parents=True, exist_ok=True)
            (own / "vllm" / known_classes.name).symlink_to(known_classes)
        for place in places:
            if not place.exists():  # a folder in the cache of the Hub's client
                place.mkdir(parents=True, exist_ok=True)
        return View(
            questions=self._questions,
            own=self._view,
            readable=[self._view, self._questions, shared, *self._trusted, *places],
            writable=[own],
            environment=kernel_caches(own),
        )

    @cached_property
    def _trusted(self) -> list[Path]:
        """Folders of the operator, with questions and definitions of tasks."""
        return [
            place
            for folder in (self._spec.settings.datasets, *(s.tasks for s in self._spec.suites))
            if folder
            for place in (folder, *_link_targets(folder))
        ]

    @property
    def _questions(self) -> Path:
        return self._spec.settings.work_folder / "questions"

    def _ask(self, method: str, *arguments: Any) -> Any:
        self._keeper()
        return self._child.call(method, *arguments).fields["value"]

    def _planned(self) -> Planned:
        """Plan, in a process of its own if one with an earlier model finds any problem."""
        with self._making:
            if self._earlier and not self._is_ready:
                with suppress(EvalboardError, OSError, ProcessEnded, Unforeseen):
                    self._keeper().serve_small_files()
                    plans, facts = self._plan()
                    if not has_links(self._view) and all(plan.problem is None for plan in plans):
                        return plans, facts
                self._renew()
        return self._plan()

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

    def _evaluate(self, benchmark: str, progress_key: str) -> BenchmarkOutcome:
        keeper = self._keeper()
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
        assert self._made  # its keeper asks for the combination
        combine_apart(self._spec, self._made.files.places, combination)


def _emptied(view: Path) -> Path:
    """Remove an earlier model's files from a view, which is the same folder for its process."""
    for folder in view.iterdir():
        shutil.rmtree(folder)
    return view


def _link_targets(folder: Path) -> set[Path]:
    """Return the folders to which the links in a folder of the operator lead."""
    targets: set[Path] = set()
    for place, folders, files in os.walk(folder):
        links = (Path(place) / name for name in (*folders, *files))
        found = [Path(os.path.realpath(link)) for link in links if link.is_symlink()]
        targets |= {target if target.is_dir() else target.parent for target in found}
    return targets


def _lacks_questions(plan: BenchmarkPlan) -> bool:
    return plan.problem is not None and plan.problem["code"] == DataMissing.code

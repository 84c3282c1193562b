"""An engine that takes the place of a real one, which would take 15 s to start for each test.

Use the fixture `stand_in_engines`. Processes, their confinement and Ray are real: only what an engine
holds is smaller.
"""

import ctypes
import errno
import hashlib
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from evalboard.engine.keeping import Keeper
from evalboard.engine.spec import EngineSpec
from evalboard.errors import DataMissing, LoadFailed, OutOfMemory, Shortage
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts, TaskOutcome
from tests.engine_facts import FACTS


class EngineDeadError(Exception):
    """Has the name of vLLM's."""


class OutOfMemoryError(RuntimeError):
    """Has the name of torch's."""


class PanicException(BaseException):
    """Has the name and the base of pyo3's, which is no `Exception`."""


LONGEST_REQUEST = 10_000
"""Length in tokens, longer than an engine begins with."""
ERRORS = (EngineDeadError, OutOfMemoryError)


def import_libraries(backend: str, cpu_kv_cache_gib: int) -> None:
    """Import something, as a sign, and say so in the log."""
    import_module("colorsys")
    print("imported", flush=True)  # noqa: T201


def prepare(spec: EngineSpec) -> None:
    """Do nothing."""


def make(spec: EngineSpec, keeper: Keeper, questions: Path) -> "StandInEngine":
    """Return the engine."""
    return StandInEngine(spec, keeper)


class StandInEngine:
    """Does nothing but what files beside its log ask for.

    Every call of `plan`, `load` and `evaluate` is noted in the file `calls`: what was called, a
    benchmark by its key; the process; the number of sequences. Of a call `a`,

        a.waits     with "b 2" keeps it from ending before `b` was called twice
        a.kill      with a number is how often it kills the process
        a.memory    … runs out of memory
        a.longer    … has a request that is longer than its engine was loaded for
        a.taken     … finds its memory taken by another process
        a.refuse    … raises `LoadFailed`
        a.unfit     … finds the disk full
    """

    def __init__(self, spec: EngineSpec, keeper: Keeper) -> None:
        self._spec = spec
        self._keeper = keeper
        self._folder = spec.log_file.parent

    def following(
        self, spec: EngineSpec, keeper: Keeper, questions: Path, *, is_same_model: bool = False
    ) -> "StandInEngine":
        """Return the engine of the next model, or of the next suite, in this process."""
        return type(self)(spec, keeper)

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        self._do("plan")
        outcomes = map(outcome_of, self._spec.benchmarks)
        return [BenchmarkPlan(benchmark=o.benchmark, key=o.key, n=1) for o in outcomes], FACTS

    def load(self) -> EngineFacts:
        if self._spec.settings.models:
            self._keeper.loadable_files()
        self._do("load")
        return FACTS

    def longest_request(self) -> int:
        return LONGEST_REQUEST

    def evaluate(self, benchmark: str) -> tuple[BenchmarkOutcome, bytes]:
        self._do(benchmark)
        outcome = outcome_of(benchmark)
        self._keeper.open_answers(benchmark, outcome.key)
        return outcome, b"answers"

    def pid(self) -> int:
        return os.getpid()

    def modules(self) -> list[str]:
        return list(sys.modules)

    def threads(self) -> str:
        return os.environ["OMP_NUM_THREADS"]

    def raise_error(self, name: str, message: str) -> None:
        errors = (*ERRORS, DataMissing, ValueError, MemoryError)
        raise {error.__name__: error for error in errors}[name](message)

    def panic(self) -> None:
        raise PanicException("retry-limit-in-match over")

    def abort(self) -> None:
        ctypes.CDLL(None).abort()

    def read(self, path: str) -> str:
        return Path(path).read_text(encoding="utf-8")

    def write(self, path: str) -> None:
        Path(path).write_text("written", encoding="utf-8")

    def connect(self, host: str, port: int) -> None:
        socket.create_connection((host, port), timeout=5).close()

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def sockets(self) -> list[str]:
        """Return the descriptors of sockets besides its pipe, which is the lowest."""
        links = [(int(number), f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
        found = [path for _, path in sorted(links) if _is_socket(path)]
        return found[1:]

    def die(self) -> None:
        os.write(1, b"one\ntwo\nSegmentation fault")
        os.kill(os.getpid(), signal.SIGKILL)

    def worker(self) -> int:
        """Start a process that ends by no word, as one that waits for a GPU, and return its id."""
        pid = os.fork()
        if pid == 0:
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            while True:
                signal.pause()
        return pid

    def hang(self) -> None:
        threading.Event().wait()

    def answer_when(self, file: str) -> str:
        while not Path(file).exists():
            time.sleep(0.01)
        return "answered"

    def _do(self, what: str) -> None:
        with (self._folder / "calls").open("a", encoding="utf-8") as log:
            log.write(f"{what} {os.getpid()} {self._spec.limits.max_num_seqs}\n")
        waits = self._folder / f"{what}.waits"
        if waits.exists():
            other, times = waits.read_text(encoding="utf-8").split()
            while sum(call[0] == other for call in calls(self._folder)) < int(times):
                time.sleep(0.01)
        if _asks_once_less(self._folder / f"{what}.kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if _asks_once_less(self._folder / f"{what}.memory"):
            raise MemoryError
        if _asks_once_less(self._folder / f"{what}.longer"):
            raise OutOfMemory("too long", shortage=Shortage.LENGTH)
        if _asks_once_less(self._folder / f"{what}.taken"):
            raise OutOfMemory("taken", shortage=Shortage.SHARE)
        if _asks_once_less(self._folder / f"{what}.refuse"):
            raise LoadFailed("bad weights")
        if _asks_once_less(self._folder / f"{what}.unfit"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def calls(folder: Path) -> list[list[str]]:
    """Return what stand-ins whose logs lie in a folder were asked: work, process, sequences."""
    noted = folder / "calls"
    text = noted.read_text(encoding="utf-8") if noted.exists() else ""
    return [line.split() for line in text.splitlines()]


def outcome_of(benchmark: str) -> BenchmarkOutcome:
    """Return what a stand-in answers."""
    task = TaskOutcome(
        task=benchmark,
        metrics={"acc,none": 0.25},
        version=1.0,
        n_original=1,
        n_effective=1,
        task_hash="0",
        config={},
    )
    return BenchmarkOutcome(
        benchmark=benchmark,
        key=hashlib.sha256(benchmark.encode()).hexdigest(),
        tasks=(task,),
        metrics=task.metrics,
        num_fewshot=0,
        dataset_fingerprint="0",
        seconds=0.0,
    )


def _is_socket(path: str) -> bool:
    with suppress(OSError):  # the descriptor by which the folder was listed
        return os.readlink(path).startswith("socket:")
    return False


def _asks_once_less(file: Path) -> bool:
    """Return whether a file still asks for something, and let it ask once less."""
    left = int(file.read_text(encoding="utf-8")) if file.exists() else 0
    if left:
        file.write_text(str(left - 1), encoding="utf-8")
    return left > 0

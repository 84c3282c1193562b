"""The engines of one attempt: their start, assignment, replacement and end.

All tasks of an attempt share one process and one pool. A further engine joins the pool when it is
loaded, and an engine whose machine is lost is replaced while the others continue.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from evalboard.attempt.retrying import is_worth_another_try
from evalboard.attempt.seating import Seating
from evalboard.engine.placing import allotment
from evalboard.engine.placing.calling import OnWait
from evalboard.engine.placing.ladder import Headroom, next_limits
from evalboard.engine.placing.placement import EngineHandle
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import (
    EngineDied,
    EngineError,
    EvalboardError,
    MachineUnfit,
    NodeLost,
    OutOfMemory,
    Shortage,
    TimedOut,
)
from evalboard.records.outcome import BenchmarkPlan, EngineFacts

T = TypeVar("T")

SEAT_WAIT_SECONDS = 1.0
"""Interval between checks for a benchmark that is expected but has not arrived."""
RELEASE_SECONDS = 10.0
"""Time for a process that has ended to give back its memory of a GPU."""
ENDS_OF_PROCESS = (EngineDied, MachineUnfit, NodeLost, OutOfMemory, TimedOut)
"""Errors after which the process is gone."""


class Engine:
    """An engine of the pool, with or without a process."""

    def __init__(self, number: int, handle: EngineHandle) -> None:
        self.number = number
        self.handle = handle
        self.is_coming = False
        """Whether it is being loaded beside others."""
        self.ended_by: EvalboardError | None = None


class EnginePool:
    """The engines of one attempt.

    Args:
        spec: Specification of the engines. The first has its name, further ones a number after it.

    Raises:
        ConfigError: The cluster has too few GPUs for the model.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._limits = allotment.starting_limits(spec)
        self._headroom: dict[Shortage, Headroom] = {}
        self._has_waited = False
        self._changed = threading.Condition(threading.RLock())
        self._engines: dict[int, Engine] = {}
        self._started = 0
        self._wanted = 0
        self._seating = Seating()
        self._failures: defaultdict[str, list[EvalboardError]] = defaultdict(list)
        self._given_up: EvalboardError | None = None
        self._stopped_by: EvalboardError | None = None

    @property
    def limits(self) -> EngineLimits:
        """Settings of engines that start from now on."""
        return self._limits

    @property
    def is_stopped(self) -> bool:
        """Whether the engines were stopped for a reason."""
        return self._stopped_by is not None

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """Let the first engine plan the benchmarks. Start it if necessary.

        Raises:
            EvalboardError: The call failed. `try_again` of an `EngineError` says whether to retry
                it.
        """
        return self._ask_first("plan", EngineHandle.plan)

    def load(self) -> EngineFacts:
        """Load the model into the first engine.

        Raises:
            EvalboardError: The call failed. `try_again` of an `EngineError` says whether to retry
                it.
        """
        return self._ask_first("load", EngineHandle.load)

    def open(self, plans: Sequence[BenchmarkPlan], *, count: int) -> None:
        """Open the seats for benchmarks, and start further engines.

        Args:
            plans: The expected benchmarks, in order.
            count: Total number of engines. The first is loaded; the others join when they are
                loaded.
        """
        with self._changed:
            self._seating.expect(plans, now=time.monotonic())
            for number in self._engines:
                self._seating.add(number)
            self._wanted = count
            self._refill()

    @contextmanager
    def seat(self, benchmark: str) -> Iterator[EngineHandle]:
        """Wait for the benchmark's turn and a seat, and hold the seat.

        Raises:
            EvalboardError: No engine is left and none can be started; or an error from the context,
                in which `try_again` of an `EngineError` says whether to retry.
        """
        engine = self._take_seat(benchmark)
        again, alone = False, False
        try:
            yield engine.handle
        except EvalboardError as exc:
            self._prefer_reason_of_stop(exc)
            again = self._note_failure(benchmark, engine, exc)
            alone = isinstance(exc, EngineDied | OutOfMemory)
            raise
        finally:
            self._end_if_stopped(engine)
            with self._changed:
                if again:
                    self._seating.leave_for_another_try(
                        benchmark, alone=alone, now=time.monotonic()
                    )
                else:
                    self._seating.leave(benchmark)
                self._refill()
                self._changed.notify_all()

    def ask_next(self, spec: EngineSpec) -> None:
        """Let the engines answer another of the suites that they were loaded for.

        An engine that cannot, or is not loaded yet, ends; the next call starts another one.

        Args:
            spec: Their specification with this suite.
        """
        with self._changed:
            self._spec = spec
            self._seating = Seating()
            self._failures.clear()
            self._given_up = None
            self._wanted = 0
            for engine in list(self._engines.values()):
                if engine.is_coming or not self._asks_next(engine):
                    self._remove(engine).handle.close()

    def _asks_next(self, engine: Engine) -> bool:
        own = {name: getattr(engine.handle.spec, name) for name in ("name", "limits", "log_file")}
        try:
            engine.handle.ask_next(self._spec.model_copy(update=own))
        except EngineError:
            return False
        return True

    def shrink(self, count: int) -> None:
        """End free engines that are not needed while other models wait."""
        with self._changed:
            self._wanted = min(self._wanted, max(1, count))
            ready = self._seating.engines
            free = [*self._seating.empty(), *(n for n in self._engines if n not in ready)]
            for number in reversed(free):
                if len(self._engines) > self._wanted:
                    self._remove(self._engines[number]).handle.close()

    def stop(self, reason: EvalboardError) -> None:
        """End all engines now. Everything that uses or awaits them gets the reason."""
        with self._changed:
            self._stopped_by = self._stopped_by or reason
            self.close()

    def require_going(self) -> None:
        """Raise the reason of the stop if the engines were stopped."""
        if self._stopped_by:
            raise self._stopped_by

    def close(self) -> None:
        """End all engines."""
        with self._changed:
            self._wanted = 0
            for engine in list(self._engines.values()):
                self._remove(engine).handle.close()
            self._changed.notify_all()

    def _ask_first(self, work: str, ask: Callable[[EngineHandle, OnWait], T]) -> T:
        with self._changed:
            self.require_going()
            engine = next(iter(self._engines.values()), None) or self._new_engine()
        try:
            answer = ask(engine.handle, self.require_going)
            self.require_going()
        except EvalboardError as exc:
            self._prefer_reason_of_stop(exc)
            self._note_failure(work, engine, exc)
            raise
        finally:
            self._end_if_stopped(engine)
        return answer

    def _prefer_reason_of_stop(self, exc: EvalboardError) -> None:
        """Raise the reason of the stop, which caused the failure, if the engines were stopped."""
        if exc is self._stopped_by:
            raise exc
        if self._stopped_by:
            raise self._stopped_by from exc

    def _end_if_stopped(self, engine: Engine) -> None:
        """End a process that was started at the moment of the stop."""
        if self._stopped_by:
            engine.handle.close()

    def _take_seat(self, benchmark: str) -> Engine:
        with self._changed:
            self._seating.arrive(benchmark)
            self._changed.notify_all()
            while True:
                self.require_going()
                number = self._seating.take_seat(benchmark, now=time.monotonic())
                if number is not None:
                    return self._fresh(benchmark, self._engines[number])
                if not self._engines and self._given_up:
                    self._seating.leave(benchmark)
                    raise self._given_up
                self._changed.wait(SEAT_WAIT_SECONDS)

    def _fresh(self, benchmark: str, engine: Engine) -> Engine:
        """Return the engine, with a new process if other settings are needed."""
        if self._seating.is_alone(benchmark) and engine.handle.spec.limits != self._limits:
            engine.handle.close()
            engine.handle = EngineHandle(self._next_spec())
        return engine

    def _note_failure(self, work: str, engine: Engine, exc: EvalboardError) -> bool:
        """Decide whether to retry the work, and remove an engine that has ended."""
        if not isinstance(exc, EngineError):
            return False
        can_change = isinstance(exc, OutOfMemory) and self._take_step(engine, exc.shortage)
        with self._changed:
            earlier = self._failures[work]
            if isinstance(exc, EngineDied) and isinstance(engine.ended_by, OutOfMemory | TimedOut):
                exc.try_again = True  # ended with the benchmark beside it, and not to blame
            else:
                exc.try_again = is_worth_another_try(exc, earlier, can_be_smaller=can_change)
                earlier.append(exc)
            if isinstance(exc, ENDS_OF_PROCESS):
                self._remove(engine).ended_by = exc
                engine.handle.close()
        return exc.try_again

    def _take_step(self, engine: Engine, shortage: Shortage) -> bool:
        """Choose other settings, and return whether there is something untried."""
        spec = engine.handle.spec
        if spec.limits == self._limits and shortage not in self._headroom:
            self._headroom[shortage] = allotment.find_headroom(spec, shortage)
        with self._changed:
            if spec.limits != self._limits:
                return True
            if shortage is Shortage.SHARE and not self._has_waited:
                self._has_waited = True
                self._changed.wait_for(lambda: self._stopped_by, timeout=RELEASE_SECONDS)
                return True
            changed = next_limits(self._limits, shortage, self._headroom[shortage])
            self._limits = changed or self._limits
            return changed is not None

    def _refill(self) -> None:
        """Start missing engines if there is work for them."""
        if not self._seating.is_done and not self._stopped_by:
            for _ in range(self._wanted - len(self._engines)):
                engine = self._new_engine()
                engine.is_coming = True
                threading.Thread(target=self._bring_up, args=(engine,), daemon=True).start()

    def _bring_up(self, engine: Engine) -> None:
        """Load an engine and offer its seats. If loading fails, reduce the size of the pool."""
        try:
            engine.handle.load(self.require_going)
        except EvalboardError as exc:
            is_needed = engine.number in self._engines
            again = is_needed and not self._stopped_by and self._note_failure("load", engine, exc)
            engine.handle.close()
            if not is_needed:
                return
            with self._changed:
                self._remove(engine)
                if not again:
                    self._wanted -= 1
                    self._given_up = exc
                self._refill()
                self._changed.notify_all()
            return
        with self._changed:
            if engine.number in self._engines:
                engine.is_coming = False
                self._seating.add(engine.number)
                self._changed.notify_all()
            else:
                engine.handle.close()  # not needed any more

    def _new_engine(self) -> Engine:
        number = self._started
        engine = Engine(number, EngineHandle(self._next_spec()))
        self._engines[number] = engine
        return engine

    def _next_spec(self) -> EngineSpec:
        spec, number = self._spec, self._started
        self._started += 1
        log = spec.log_file
        return spec.model_copy(
            update={
                "limits": self._limits,
                "name": f"{spec.name}-{number}" if number else spec.name,
                "log_file": log.with_stem(f"{log.stem}-{number}") if number else log,
            }
        )

    def _remove(self, engine: Engine) -> Engine:
        self._engines.pop(engine.number, None)
        self._seating.remove(engine.number)
        return engine

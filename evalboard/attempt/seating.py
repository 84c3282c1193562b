"""The assignment of benchmarks to engines. Pure, and not thread-safe.

Benchmarks take seats in the order of the plan. An engine has two seats: while it answers the
questions of one benchmark, the next one builds and tokenises its prompts.
"""

from collections.abc import Iterable

from evalboard.records.outcome import BenchmarkPlan

SEATS_PER_ENGINE = 2
ARRIVAL_SECONDS = 5.0
"""Time to wait for the benchmark whose turn it is. Each benchmark has its own thread, which may
still have to start or to come back for another try.
"""


class Seating:
    """Waiting benchmarks and ready engines, by number."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}  # of all that are not done, in the order of the plan
        self._awaited: dict[str, float] = {}  # not there yet, and until when they are waited for
        self._seated: dict[str, int] = {}
        self._alone: set[str] = set()
        self._engines: set[int] = set()

    @property
    def engines(self) -> frozenset[int]:
        """The engines that are ready."""
        return frozenset(self._engines)

    @property
    def is_done(self) -> bool:
        """Whether no benchmark needs or has a seat."""
        return not self._sizes

    def expect(self, plans: Iterable[BenchmarkPlan], *, now: float) -> None:
        """Set the expected benchmarks, in order.

        Args:
            plans: The benchmarks to run.
            now: Monotonic time in seconds.
        """
        self._sizes = {plan.benchmark: plan.n for plan in plans}
        self._awaited = dict.fromkeys(self._sizes, now + ARRIVAL_SECONDS)

    def add(self, engine: int) -> None:
        """Offer the seats of an engine."""
        self._engines.add(engine)

    def remove(self, engine: int) -> None:
        """Withdraw an engine's free seats. Seated benchmarks stay."""
        self._engines.discard(engine)

    def arrive(self, benchmark: str) -> None:
        """Record that a benchmark waits for a seat."""
        self._awaited.pop(benchmark, None)

    def take_seat(self, benchmark: str, *, now: float) -> int | None:
        """Seat a benchmark if it is its turn and a seat is free.

        Returns:
            The engine, None if the benchmark has to wait.
        """
        for earlier in self._sizes:
            if earlier == benchmark:
                break
            if earlier not in self._seated and self._awaited.get(earlier, now + 1) > now:
                return None
        engine = self._place_for(benchmark)
        if engine is not None:
            self._seated[benchmark] = engine
        return engine

    def leave(self, benchmark: str) -> None:
        """Record that a benchmark is done or has finally failed."""
        self._seated.pop(benchmark, None)
        self._sizes.pop(benchmark, None)

    def leave_for_another_try(self, benchmark: str, *, alone: bool, now: float) -> None:
        """Record that a benchmark will come back.

        Args:
            benchmark: The benchmark.
            alone: Whether its engine must run nothing else: a benchmark that kills engines must not
                hit another one twice.
            now: Monotonic time in seconds.
        """
        self._seated.pop(benchmark, None)
        self._awaited[benchmark] = now + ARRIVAL_SECONDS
        if alone:
            self._alone.add(benchmark)

    def is_alone(self, benchmark: str) -> bool:
        """Return whether a benchmark must be alone on its engine."""
        return benchmark in self._alone

    def empty(self) -> list[int]:
        """Return the engines whose seats are all free."""
        return sorted(self._engines.difference(self._seated.values()))

    def _place_for(self, benchmark: str) -> int | None:
        if benchmark in self._alone:
            return next(iter(self.empty()), None)
        guests = {engine: self._guests(engine) for engine in sorted(self._engines)}
        left = {engine: sum(self._sizes[g] for g in there) for engine, there in guests.items()}
        # A second seat only where least is left to do: whoever sits down stays.
        best = min(left, key=left.__getitem__, default=None)
        if (
            best is None
            or len(guests[best]) >= SEATS_PER_ENGINE
            or self._alone.intersection(guests[best])
        ):
            return None
        return best

    def _guests(self, engine: int) -> list[str]:
        return [benchmark for benchmark, seat in self._seated.items() if seat == engine]

"""Which benchmark is worked on by which engine. Pure, and not safe for threads.

Benchmarks sit down in the order of the plan. An engine has two seats: while it answers the
questions of one benchmark, the next one builds and tokenises its own.
"""

from collections.abc import Iterable

from evalboard.records.outcome import BenchmarkPlan

SEATS_PER_ENGINE = 2
ARRIVAL_SECONDS = 5.0
"""Benchmarks come from threads of their own, in any order. So long is waited for one whose turn it
is: its thread starts, or it comes back for another try."""


class Seating:
    """Benchmarks that wait and engines that are ready, by number."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}  # of all that are not done, in the order of the plan
        self._awaited: dict[str, float] = {}  # not there yet, and until when they are waited for
        self._seated: dict[str, int] = {}
        self._alone: set[str] = set()
        self._engines: set[int] = set()

    @property
    def engines(self) -> frozenset[int]:
        """Those that are ready."""
        return frozenset(self._engines)

    @property
    def is_done(self) -> bool:
        """Whether no benchmark is left that wants a seat or has one."""
        return not self._sizes

    def expect(self, plans: Iterable[BenchmarkPlan], *, now: float) -> None:
        """Say which benchmarks will come, in order.

        Args:
            plans: What is to be run.
            now: In seconds, on a clock that never goes back.
        """
        self._sizes = {plan.benchmark: plan.n for plan in plans}
        self._awaited = dict.fromkeys(self._sizes, now + ARRIVAL_SECONDS)

    def add(self, engine: int) -> None:
        """Offer the seats of an engine."""
        self._engines.add(engine)

    def remove(self, engine: int) -> None:
        """Offer an engine's seats no more. Who sits there stays."""
        self._engines.discard(engine)

    def arrive(self, benchmark: str) -> None:
        """Say that a benchmark is there and waits for a seat."""
        self._awaited.pop(benchmark, None)

    def take_seat(self, benchmark: str, *, now: float) -> int | None:
        """Seat a benchmark when it is its turn and there is a place for it.

        Returns:
            The engine, None when it has to wait.
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
        """Say that a benchmark is done, or failed for good."""
        self._seated.pop(benchmark, None)
        self._sizes.pop(benchmark, None)

    def leave_for_another_try(self, benchmark: str, *, alone: bool, now: float) -> None:
        """Say that a benchmark will come back.

        Args:
            benchmark: Which one.
            alone: Whether nothing may be worked on beside it: what kills engines takes no other
                benchmark down twice.
            now: In seconds, on a clock that never goes back.
        """
        self._seated.pop(benchmark, None)
        self._awaited[benchmark] = now + ARRIVAL_SECONDS
        if alone:
            self._alone.add(benchmark)

    def is_alone(self, benchmark: str) -> bool:
        """Return whether nothing may be worked on beside a benchmark."""
        return benchmark in self._alone

    def empty(self) -> list[int]:
        """Return the engines on whose seats nobody sits."""
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

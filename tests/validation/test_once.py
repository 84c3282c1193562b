import threading

from evalboard.validation.once import once


class Slow:
    """Counts how often its property is computed."""

    def __init__(self) -> None:
        self.computed = 0
        self.asked = threading.Barrier(2)

    @once
    def answer(self) -> int:
        """The answer."""
        self.computed += 1
        return 42

    @once
    def twice(self) -> int:
        return 2 * self.answer


def test_threads_that_ask_together_get_one_answer() -> None:
    slow = Slow()
    found: list[int] = []

    def ask() -> None:
        slow.asked.wait()
        found.append(slow.twice)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, slow.computed) == ([84, 84], 1)


def test_every_instance_has_its_own() -> None:
    first, second = Slow(), Slow()
    assert first.answer == second.answer == 42
    assert (first.computed, second.computed) == (1, 1)

from collections.abc import Callable

from evalboard.board.filling import filling
from evalboard.board.rows import build_rows
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Suite

Make = Callable[..., ResultDocument]


def told(documents: list[ResultDocument], suite: Suite) -> list[tuple[str, int, int]]:
    return [(one.title, one.have, one.of) for one in filling(build_rows(documents, suite), suite)]


def test_benchmarks_that_some_models_lack_are_counted(suite: Suite, document: Make) -> None:
    whole = [document({"anatomy": 0.5, "doses": 0.5}, model_name=f"org/{n}") for n in range(2)]
    assert told(whole, suite) == []
    part = document({"anatomy": 0.5}, model_name="org/part")
    assert told([*whole, part], suite) == [("Doses", 2, 3)]
    assert told([part], suite) == [("Doses", 0, 1)]
    assert told([], suite) == []


def test_a_benchmark_that_changed_begins_again(suite: Suite, document: Make) -> None:
    scores = {"anatomy": 0.5, "doses": 0.5}
    old = [document(scores, model_name=f"org/{n}") for n in range(3)]
    late = "2026-11-22T10:00:00Z"
    new = document({"doses": 0.5}, model_name="org/1", finished=late, version=2.0)
    assert told([*old, new], suite) == [("Doses", 1, 3)]
    other = document({"anatomy": 0.5}, model_name="org/2", finished=late, questions="others")
    assert told([*old, new, other], suite) == [("Anatomy", 1, 3), ("Doses", 1, 3)]

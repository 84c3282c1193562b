"""A queue through real processes, on transformers, which starts sooner, and what is read from it."""

import pytest

from evalboard.bench import programs
from evalboard.bench.answers import compare
from evalboard.bench.cases import Case
from evalboard.bench.material import Material, make_material
from evalboard.bench.queue import MEASURES, STAYING, between, measure_queue


@pytest.fixture
def queue(case: Case) -> Case:
    keys = ("demo_anatomy", "demo_pharmacology", "demo_abstracts")
    return case._replace(name="demo queue", benchmarks=keys, num_fewshot=0, models=2)


def test_every_program_can_be_measured() -> None:
    assert sorted(MEASURES) == sorted(programs.QUEUE_PROGRAMS)


@pytest.mark.slow
def test_every_model_of_a_queue_answers_the_first_questions(
    material: Material, queue: Case
) -> None:
    make_material(material, [queue])
    settings = material.settings.model_copy(update={"backend": "hf"})
    made = material._replace(settings=settings)
    measured = measure_queue(made, queue, made.folder / "ours", engines=STAYING)
    assert {key: len(answers) for key, answers in measured.answers.items()} == {
        f"{each.model} {key}": 4 for each in queue.of_each_model() for key in queue.benchmarks
    }
    one, other = (measured.answers[f"{each.model} demo_anatomy"] for each in queue.of_each_model())
    assert [answer.question for answer in one] == [answer.question for answer in other]
    assert compare({"": one}, {"": other}).largest_difference > 0
    assert measured.between_seconds is not None
    assert 0 < measured.between_seconds < measured.run.seconds


@pytest.mark.parametrize(
    ("intervals", "models", "seconds"),
    [
        ([(0.0, 2.0), (3.0, 4.0)], 2, 1.0),
        ([(6.0, 7.0), (0.0, 2.0), (2.0, 3.0), (4.5, 6.0)], 2, 1.5),
        ([(0.0, 3.0), (1.0, 2.0), (4.0, 5.0), (4.0, 6.0), (9.0, 9.5), (9.5, 10.0)], 3, 2.0),
    ],
)
def test_the_time_between_models_begins_with_the_last_answer(
    intervals: list[tuple[float, float]], models: int, seconds: float
) -> None:
    assert between(intervals, models) == seconds

"""One case through real processes: plain lm_eval and ours, on transformers, which starts sooner."""

import sys

import pytest

from evalboard.bench import programs
from evalboard.bench.answers import compare
from evalboard.bench.cases import Case
from evalboard.bench.material import Material, make_material, workshop
from evalboard.bench.measuring import MEASURES, measure_hf, measure_ours, run
from evalboard.errors import HarnessError


@pytest.fixture
def made(material: Material, case: Case) -> Material:
    with workshop() as pool:
        parameters = pool.submit(make_material, material, [case]).result()
    assert parameters.keys() == {"15M"}
    settings = material.settings.model_copy(update={"backend": "hf"})
    return material._replace(settings=settings)


def test_every_program_can_be_measured() -> None:
    assert sorted(MEASURES) == sorted(programs.PROGRAMS)


@pytest.mark.slow
def test_both_give_the_same_answers_and_are_timed_alike(
    made: Material, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "BATCH_SIZES", ("8",))
    theirs = measure_hf(made, case, made.folder / "theirs")
    ours = measure_ours(made, case, made.folder / "ours")
    assert {key: len(answers) for key, answers in ours.answers.items()} == {
        "demo_anatomy": 4,
        "demo_abstracts": 4,
    }
    comparison = compare(theirs.answers, ours.answers)
    assert comparison.different == 0
    assert 0 <= comparison.largest_difference < 1e-4
    assert theirs.batch_size == "8"
    for taken in (theirs.run, ours.run):
        assert 0 < taken.scoring_seconds < taken.seconds
    assert all(seconds > 0 for seconds in ours.account.values())
    assert sum(ours.account.values()) == pytest.approx(ours.run.seconds)


def test_a_program_that_fails_is_named_with_its_log(material: Material, case: Case) -> None:
    words = programs.our_command(material, case._replace(suite="nope"), material.folder / "out")
    with pytest.raises(HarnessError, match=r"There is no suite 'nope'.*log\.log"):
        run(material, words, material.folder / "run")


def test_a_program_in_which_no_model_answered_is_not_measured(material: Material) -> None:
    words = [sys.executable, "-m", "evalboard"]
    with pytest.raises(HarnessError, match="No model answered in `-m evalboard suite`"):
        run(material, [*words, "suite", "list"], material.folder / "run")

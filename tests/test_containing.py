import pytest

from evalboard.containing import contained
from evalboard.errors import EvalboardError, StoreError, Unexpected


def fails(exc: BaseException) -> str:
    raise exc


def test_the_result_of_work_is_returned() -> None:
    assert contained(lambda: "done", "The work") == "done"


def test_an_error_of_the_project_stays_what_it_is() -> None:
    error = StoreError("The store is gone.")
    assert contained(lambda: fails(error), "The work") is error


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError(), RecursionError("deep")])
def test_any_other_error_is_of_a_class_of_its_own_and_in_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    found = contained(lambda: fails(error), "The check of 'a.json'")
    assert isinstance(found, Unexpected)
    assert found.__cause__ is error
    assert "'a.json'" in found.message
    assert type(error).__name__ in found.message
    assert "Traceback" in caplog.text


def test_what_a_stranger_wrote_breaks_no_line(caplog: pytest.LogCaptureFixture) -> None:
    found = contained(lambda: fails(ValueError("a\nb\x1b[31m")), "The check of \n\u202e'x'")
    assert isinstance(found, EvalboardError)
    assert found.message.isprintable()
    (record,) = caplog.records
    assert record.getMessage() == "The check of 'x' failed unexpectedly."


def test_an_interruption_is_not_contained() -> None:
    with pytest.raises(KeyboardInterrupt):
        contained(lambda: fails(KeyboardInterrupt()), "The work")

import pickle
from collections import Counter
from importlib import import_module
from pkgutil import walk_packages

import pytest

import evalboard
from evalboard.errors import EngineError, EvalboardError, ValidationFailed
from evalboard.records.report import Report

# These import the large libraries, or end the process.
NOT_IMPORTED = ("evalboard.__main__", "evalboard.cli", "evalboard.demo", "evalboard.engine")


def every_error() -> list[type[EvalboardError]]:
    """Return all errors of the project, those outside `evalboard.errors` too."""
    for module in walk_packages(evalboard.__path__, "evalboard."):
        if not module.name.startswith(NOT_IMPORTED):
            import_module(module.name)
    found: list[type[EvalboardError]] = [EvalboardError]
    for error in found:
        found += [
            kind for kind in error.__subclasses__() if kind.__module__.startswith("evalboard.")
        ]
    return found


ERRORS = every_error()


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_cross_process_borders(kind: type[EvalboardError]) -> None:
    error = kind("No file 'a'. Write it.")
    error.add_note("seen on host b")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.message, str(copy)) == (error.message, "No file 'a'. Write it.")
    assert copy.__dict__ == error.__dict__


@pytest.mark.parametrize("kind", [e for e in ERRORS if issubclass(e, EngineError)])
def test_engine_errors_carry_settings_and_log(kind: type[EngineError]) -> None:
    error = pickle.loads(pickle.dumps(kind("It died.", settings={"slots": 1}, log_tail="Killed")))
    assert (error.settings, error.log_tail) == ({"slots": 1}, "Killed")


def test_a_failed_validation_carries_its_report() -> None:
    report = Report(model="org/model", revision="main")
    error = pickle.loads(pickle.dumps(ValidationFailed("Rejected.", report=report)))
    assert error.report == report


def test_codes_are_unique() -> None:
    codes = Counter(kind.code for kind in ERRORS)
    assert [code for code, count in codes.items() if count > 1] == []
    assert all("code" in vars(kind) for kind in ERRORS)

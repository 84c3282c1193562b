"""What the logs of runs say of errors."""

import logging
import sys

import pytest

from evalboard.errors import LifecycleError
from evalboard_prefect.tasks.sentences import LOGGERS, log_sentences


def logged(name: str, error: LifecycleError | KeyError) -> str:
    """Return what a logger of Prefect says of an error."""
    logger = logging.getLogger(name)
    try:
        raise error
    except (LifecycleError, KeyError):
        record = logger.makeRecord(
            name, logging.ERROR, __file__, 1, "Encountered %r", (error,), sys.exc_info()
        )
    assert logger.filter(record)
    return logging.Formatter().format(record)


@pytest.mark.parametrize("name", LOGGERS)
def test_an_error_of_the_project_is_a_sentence_and_another_one_has_its_traceback(name: str) -> None:
    log_sentences()
    assert logged(name, LifecycleError("Request 'a\n' is RUNNING.")) == "Request 'a ' is RUNNING."
    assert "Traceback" in logged(name, KeyError("unforeseen"))

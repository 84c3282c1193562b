"""Errors of this project in the logs of runs: their sentence, without a traceback.

The sentence says what failed and what to do. Prefect logs every exception with its traceback.
"""

import logging

from evalboard.errors import EvalboardError
from evalboard.wording import plain

LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class ErrorSentences(logging.Filter):
    """Takes the traceback out of a line about an error of this project."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EvalboardError):
            record.msg, record.args = "%s", (plain(error.message),)
            record.exc_info = record.exc_text = None
        return True


def log_sentences() -> None:
    """Let the runs of this process log errors of this project as sentences."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, ErrorSentences) for one in logger.filters):
            logger.addFilter(ErrorSentences())

"""Log lines as JSON objects, with the run, model and benchmark that they are about."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_subject: ContextVar[dict[str, str] | None] = ContextVar("subject", default=None)
OWN_LOGGERS = ("evalboard", "evalboard_prefect", "leaderboard_app")
_OF_PREFECT = {"flow_run_id": "run", "flow_run_name": "run_name", "task_run_name": "task"}
"""What Prefect adds to the lines of its runs, and its names here."""


@contextmanager
def about(**subject: str) -> Iterator[None]:
    """Let the lines of this context say what they are about.

    Args:
        subject: `run`, `model` or `benchmark`, in addition to those of the outer context.
    """
    token = _subject.set({**(_subject.get() or {}), **subject})
    try:
        yield
    finally:
        _subject.reset(token)


class JsonLines(logging.Formatter):
    """A formatter with one JSON object per line. It ignores the arguments of other formatters."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run": "",
            "model": "",
            "benchmark": "",
        }
        known = vars(record)
        line |= {ours: str(known[name]) for name, ours in _OF_PREFECT.items() if known.get(name)}
        line |= _subject.get() or {}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_json() -> None:
    """Let this program write its log as JSON lines to its standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler])
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)


def prefect_variables(log_format: str) -> dict[str, str]:
    """Return the variables with which Prefect's programs write their logs in a format.

    Args:
        log_format: `json`, or another for Prefect's own lines.
    """
    if log_format != "json":
        return {}
    return {
        "PREFECT_LOGGING_FORMATTERS_JSON_CLASS": f"{JsonLines.__module__}.{JsonLines.__name__}",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json",
        "PREFECT_LOGGING_COLORS": "false",
    }

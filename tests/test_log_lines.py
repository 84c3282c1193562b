import json
import logging

from evalboard.log_lines import JsonLines, about


def test_a_line_says_what_it_is_about() -> None:
    record = logging.LogRecord("evalboard", logging.INFO, "", 0, "%s done", ("it",), None)
    with about(run="run-1", model="org/model"), about(benchmark="medqa"):
        line = json.loads(JsonLines("default", style="%").format(record))
    subject = ("run-1", "org/model", "medqa", "it done", "INFO")
    assert tuple(line[k] for k in ("run", "model", "benchmark", "message", "level")) == subject
    assert json.loads(JsonLines().format(record))["run"] == ""

"""Log lines of runs as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

from evalboard.log_lines import prefect_variables

FLOW = """
import logging
from prefect import flow, get_run_logger, task
from evalboard.log_lines import about

@task
def benchmark():
    with about(benchmark="medqa"):
        get_run_logger().info("asked")
        logging.getLogger("evalboard.engine").warning("slow")

@flow
def evaluate():
    with about(run="run-1", model="org/model"):
        benchmark.submit().result()

evaluate()
"""


def test_prefect_and_the_core_write_the_same_lines_in_the_threads_of_a_run(
    shared_server: str, tmp_path: Path
) -> None:
    known = {**os.environ, "PREFECT_API_URL": shared_server, "PREFECT_HOME": str(tmp_path)}
    variables = prefect_variables("json") | {
        "PREFECT_LOGGING_EXTRA_LOGGERS": "evalboard",
        "PREFECT_LOGGING_LEVEL": "INFO",  # a verb that serves itself leaves a higher one
    }
    done = subprocess.run(
        [sys.executable, "-c", FLOW],
        env=known | variables,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = {line["message"]: line for line in map(json.loads, done.stderr.splitlines())}
    for message in ("asked", "slow"):
        subject = tuple(lines[message][key] for key in ("run", "model", "benchmark"))
        assert subject == ("run-1", "org/model", "medqa")

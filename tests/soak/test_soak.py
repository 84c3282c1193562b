"""A small soak whose processes are killed; `make test-all` runs other kinds and larger ones, and `make soak` the largest."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
REQUESTS = [20, pytest.param(60, marks=pytest.mark.slow)]


def soaked(tmp_path: Path, kind: str, *arguments: str) -> dict[str, Any]:
    """Run a soak in a program of its own: it forks, which this one with its threads must not."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.soak", "--only", kind, "--json", str(figures)]
    done = subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert figures.exists(), done.stderr
    document = json.loads(figures.read_text(encoding="utf-8"))[kind]
    assert document["violations"] == [], (document, done.stderr)
    assert done.returncode == 0
    return document


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "hub"])
def test_many_pollers_and_workers_do_every_request_once(
    tmp_path: Path, kind: str, requests: int
) -> None:
    document = soaked(tmp_path, kind, "--requests", str(requests))
    assert document["events"]["edited"] > 0
    assert not document["kills"]
    if kind == "hub":
        assert sum(document["hub"]["faults"].values()) > 0
        assert document["hub"]["edits"]


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize(
    "kind", ["local-killed", pytest.param("hub-killed", marks=pytest.mark.slow)]
)
def test_a_queue_whose_processes_are_killed_is_finished_once(
    tmp_path: Path, kind: str, requests: int
) -> None:
    kills = requests // 4
    document = soaked(tmp_path, kind, "--requests", str(requests), "--kills", str(kills))
    assert sum(document["kills"].values()) >= kills // 4

"""The whole job where no network but the loopback device exists, from what `mirror pull` has copied."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalboard.demo.models import make_letter_model
from evalboard.demo.questions import write_datasets

ALONE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec"]
LOOPBACK = "ip link set lo up"
REACH = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=5)"
JOB = f"""
{LOOPBACK}
! "$0" -c "{REACH}" 2>outside
"$0" -m evalboard submit lab/tiny --model-type pretrained
"$0" -m evalboard run --once
"$0" -m evalboard board show --json >board.json
"""


@pytest.mark.slow
def test_a_model_is_submitted_evaluated_and_shown_without_a_network(tmp_path: Path) -> None:
    if subprocess.run([*ALONE, LOOPBACK], capture_output=True).returncode:
        pytest.skip("this machine allows no namespaces, or has no `ip`")
    write_datasets(tmp_path / "there")
    make_letter_model(tmp_path / "models" / "lab" / "tiny")
    copy = tmp_path / "copy"
    common = os.environ | {"EVALBOARD_SUITE": "demo", "EVALBOARD_OFFLINE": "true"}
    subprocess.run(
        [sys.executable, "-m", "evalboard", "mirror", "pull"]
        + ["--model", "lab/tiny", "--to", str(copy)],
        env=common
        | {
            "EVALBOARD_DATASETS": str(tmp_path / "there"),
            "EVALBOARD_MODELS": str(tmp_path / "models"),
        },
        check=True,
    )
    subprocess.run(
        [*ALONE, JOB, sys.executable],
        cwd=tmp_path,
        env=common
        | {
            "EVALBOARD_DATASETS": str(copy / "datasets"),
            "EVALBOARD_MODELS": str(copy / "models"),
            "EVALBOARD_HOME": str(tmp_path / "home"),
            "EVALBOARD_BACKEND": "hf",
        },
        check=True,
    )
    assert "Network is unreachable" in (tmp_path / "outside").read_text(encoding="utf-8")
    (row,) = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))
    assert row["model"] == "lab/tiny"
    assert row["n_benchmarks"] == 3

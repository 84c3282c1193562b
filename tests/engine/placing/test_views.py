"""Views of engines, seen from processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalboard.engine.placing.views import clear_abandoned, hold, make_view
from evalboard.machine import Machine, this_machine
from tests.namespaces import in_own_namespace

CLEARING = """
import sys
from pathlib import Path
from evalboard.engine.placing.views import clear_abandoned

clear_abandoned(Path(sys.argv[1]))
"""
HERE = this_machine()


@pytest.mark.parametrize("host", ["", "other"])
def test_another_container_removes_a_view_only_after_its_engine_has_ended(
    tmp_path: Path, host: str
) -> None:
    clearing = [*in_own_namespace(host), sys.executable, "-c", CLEARING, str(tmp_path)]
    view, of_holder = make_view(tmp_path)
    of_engine = hold(view)
    os.close(of_holder)
    (view / "small").mkdir()
    subprocess.run(clearing, check=True)
    assert (view / "small").is_dir()
    os.close(of_engine)
    subprocess.run(clearing, check=True)
    assert not view.exists()


@pytest.mark.parametrize(
    ("machine", "is_kept"),
    [
        (Machine(HERE.host, "earlier"), False),
        (Machine("elsewhere", HERE.boot), False),
        (Machine("elsewhere", "other"), True),
        (Machine(f"{HERE.host}-2", "other"), True),
    ],
)
def test_views_of_other_machines_stay(tmp_path: Path, machine: Machine, is_kept: bool) -> None:
    view = tmp_path / f"{machine.host}@{machine.boot}@a1_b2"
    view.mkdir()
    clear_abandoned(tmp_path)
    assert view.exists() == is_kept

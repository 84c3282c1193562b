"""The units of `infra/systemd`, as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evalboard.cli.arguments import command_line

UNITS = Path(__file__).parents[2] / "infra" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
PROGRAMS = "/opt/evalboard/.venv/bin"
START = re.compile(r"^ExecStart(?:Pre)?=(\S+)(.*)$", re.MULTILINE)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a copy of the units, whose programs exist."""
    units = tmp_path / "units"
    shutil.copytree(UNITS, units)
    for unit in units.glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        for program, _ in START.findall(text):
            text = text.replace(program, str(tmp_path / Path(program).name))
            (tmp_path / Path(program).name).touch(0o755)
        unit.write_text(text, encoding="utf-8")
    return units


def complaints(units: Path) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    command = [
        "systemd-analyze",
        "verify",
        "--man=no",
        *units.glob("*.service"),
        *units.glob("*.timer"),
    ]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_systemd_has_no_complaint(installed: Path) -> None:
    assert complaints(installed) == ""


def test_systemd_reads_what_all_services_share(installed: Path) -> None:
    with (installed / "evalboard-.service.d" / "common.conf").open("a", encoding="utf-8") as file:
        file.write("NoSuchName=yes\n")
    assert complaints(installed).count("NoSuchName") == len(SERVICES)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_what_is_there(unit: Path) -> None:
    started = START.findall(unit.read_text(encoding="utf-8"))
    assert started
    for program, arguments in started:
        if program == f"{PROGRAMS}/evalboard":
            command_line().parse_args(arguments.split())
        elif program != f"{PROGRAMS}/python":
            assert (UNITS.parents[1] / Path(program).relative_to("/opt/evalboard")).is_file()

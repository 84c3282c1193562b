"""What the process of a model does, as the kernel sees it: a whole evaluation under strace."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from evalboard.settings import Settings
from tests.pipeline.runs import DEADLINE_SECONDS, ENGINE, REPOSITORY, own_environment

CONFINED = "This engine is fully confined."
SYSTEM = ("/usr/", "/lib/", "/lib64/", "/bin/", "/sys/", "/proc/", "/dev/", "/etc/")
OPENED = re.compile(r'openat\([^,]+, "(?P<path>[^"]+)", (?P<flags>[A-Z_|0-9x]+)[^)]*\) = \d+')
REACHED = re.compile(r"(?:connect|sendto)\(.*(?:sin_addr|sin6_addr|sun_path)")
STARTED = re.compile(r"^(?:v?fork|clone3?)\(.* = (\d+)$")
PLANTED = "hf_plantedplantedplanted"


@pytest.fixture
def traced(
    configure: Callable[..., Settings],
    small_suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Settings, list[str]]:
    """Return the settings of an evaluation, and the calls of its engine since it is confined."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    monkeypatch.setenv("HF_TOKEN", PLANTED)
    settings = configure(suite=str(small_suite), backend="hf")
    trace = tmp_path / "calls"
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-s", "400", "-o", str(trace), "-e", "signal=none"),
            *("-e", "trace=execve,process,openat,connect,sendto,write"),
            *(sys.executable, "-m", "evalboard", "evaluate", "test/random"),
            *("--precision", "float32", "--benchmarks", "mmlu_anatomy"),
            *("--output", str(tmp_path / "result")),
        ],
        env=own_environment(settings),
        check=True,
        timeout=DEADLINE_SECONDS,
        stdout=subprocess.DEVNULL,
        cwd=REPOSITORY,
    )
    with trace.open(errors="replace") as lines:
        return settings, list(engine_calls(lines))


def engine_calls(lines: Iterable[str]) -> Iterator[str]:
    """Yield the calls of the engine, its threads and its processes, since it is confined."""
    engine: set[str] = set()
    unfinished: dict[str, str] = {}
    is_confined = False
    for line in lines:
        task, _, call = line.rstrip().partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            unfinished[task] = call.removesuffix("<unfinished ...>")
            continue
        if call.startswith("<..."):
            call = unfinished.pop(task, "") + call.partition("resumed>")[2]
        if call.startswith("execve") and ENGINE in call:
            engine.add(task)
        if task in engine:
            if started := STARTED.search(call):
                engine.add(started[1])
            is_confined = is_confined or CONFINED in call
            if is_confined:
                yield call


@pytest.mark.slow
def test_the_engine_reads_its_view_reaches_nobody_and_no_token_is_left_anywhere(
    traced: tuple[Settings, list[str]], tmp_path: Path
) -> None:
    settings, calls = traced
    assert not [line for line in calls if REACHED.search(line)]

    assert settings.datasets
    assert settings.models
    allowed = (
        *SYSTEM,
        str(settings.datasets),
        str(settings.models / "test" / "random"),
        str(settings.work_folder / "views"),
        str(settings.work_folder / "questions"),
        str(settings.work_folder / "compiled"),
        "/tmp/evalboard-engine-",
        str(REPOSITORY / "evalboard"),
        str(Path.home() / ".cache" / "evalboard"),
        sys.prefix,
        sys.base_prefix,
    )
    found = (OPENED.search(line) for line in calls)
    opened = [match for match in found if match and "O_PATH" not in match["flags"]]
    paths = {match["path"] for match in opened}
    assert any(path.endswith("model.safetensors") for path in paths)
    assert any("mmlu" in path for path in paths)
    assert [path for path in paths if path[0] == "/" and not path.startswith(allowed)] == []
    written = {match["path"] for match in opened if re.search("O_WRONLY|O_RDWR", match["flags"])}
    may_write = ("/dev/", "/proc/self", "/tmp/evalboard-engine-", *allowed[6:7])
    assert [path for path in written if not path.startswith(may_write)] == []

    kept = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "calls"]
    assert any(file.name == "results.json" for file in kept)
    assert [file for file in kept if PLANTED.encode() in file.read_bytes()] == []

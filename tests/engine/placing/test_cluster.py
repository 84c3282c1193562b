"""Ray's own programs, watched by the program that started them."""

import subprocess
from collections.abc import Iterator

import psutil
import pytest

from evalboard.engine.placing import cluster
from evalboard.errors import ConfigError


@pytest.fixture
def raylet(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the place of Ray's, which a test can end without Ray."""
    program = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(cluster, "_own_servers", {"raylet": psutil.Process(program.pid)})
    yield program
    program.kill()
    program.wait()


@pytest.mark.parametrize("is_waited_for", [False, True])
def test_a_program_of_ray_that_ends_is_named(
    raylet: subprocess.Popen[bytes], is_waited_for: bool
) -> None:
    cluster.check()
    raylet.kill()
    if is_waited_for:
        raylet.wait()
    else:
        while psutil.Process(raylet.pid).status() != psutil.STATUS_ZOMBIE:
            pass
    with pytest.raises(ConfigError, match=r"Ray's raylet ended.*session_latest"):
        cluster.check()

"""A board of separate programs on one machine: PostgreSQL, Prefect server, Ray, worker, viewer."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from evalboard.records.precision import Precision
from evalboard.records.request import BoardBlock, HistoryEntry, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.settings import Settings, load_settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.work import WorkFolder
from tests import postgresql
from tests.deployments.composed import command_of
from tests.ports import free_ports
from tests.rehearsal.programs import Program

DISK_GIB = 3
"""A machine with less than 1 GiB of free space takes no requests."""
START_SECONDS = 900.0
POLL_SECONDS = 0.2
SUITE = "demo"


class Working(NamedTuple):
    """A run that has claimed a request."""

    model: str
    run_id: str
    answered: int
    """Number of answered questions, of all benchmarks."""
    finished: int
    """Number of benchmarks."""


class Installation:
    """All programs, and what can be seen of their work.

    Args:
        folder: An empty folder for everything but Ray's sockets.
        programs: Of PostgreSQL.
    """

    def __init__(self, folder: Path, programs: postgresql.Programs) -> None:
        self.folder = folder
        self.disk = folder / "disk"
        """A small disk of its own with all that evalboard writes."""
        self._postgres = programs
        self._password = secrets.token_urlsafe()
        self._ports = dict(zip(("postgres", "ray", "server", "viewer"), free_ports(4), strict=True))
        self.programs: dict[str, Program] = {}
        self.settings = self._set_environment()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['server']}/api"

    @property
    def board_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['viewer']}"

    def start(self) -> None:
        """Mount the disk, start all programs in their order, and deploy the flows."""
        logs = self.folder / "logs"
        for place in (self.disk, logs):
            place.mkdir()
        size = f"size={DISK_GIB}g"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "evalboard", self.disk], check=True)
        self._start_database(logs)
        database = f"postgresql+asyncpg://prefect:{self._password}@127.0.0.1"
        address = f"{database}:{self._ports['postgres']}/prefect"
        stored = {"PREFECT_API_DATABASE_CONNECTION_URL": address}
        self._start("server", ["-m", "evalboard_prefect.deployments.server"], logs, stored)
        until(lambda: is_up(f"{self.api_url}/health"), "the Prefect server answers")
        ray = ["-m", "ray.scripts.scripts"]
        made = [sys.executable, *ray, "get-auth-token", "--generate"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        head = [*ray, "start", "--head", "--block", "--num-cpus=2"]
        small = ["--include-dashboard=false", "--object-store-memory=104857600"]
        self._start("ray", [*head, f"--port={self._ports['ray']}", *small], logs)
        subprocess.run([sys.executable, "-m", "evalboard", "deploy"], check=True)
        self.programs["worker"] = Program("worker", command_of("worker"), logs)
        self.programs["worker"].start()
        self._start("viewer", ["-m", "evalboard", "viewer"], logs)
        until(lambda: is_up(f"{self.board_url}/health"), "the viewer answers")

    def _start_database(self, logs: Path) -> None:
        place = self.folder / "postgresql"
        place.mkdir()
        postgresql.make_cluster(self._postgres, place, self._password)
        command = postgresql.command(self._postgres, place, self._ports["postgres"])
        self.programs["postgres"] = Program("postgres", command, logs)
        self.programs["postgres"].start()
        postgresql.create_database(self._ports["postgres"], self._password)

    def _start(
        self, name: str, arguments: list[str], logs: Path, more: dict[str, str] | None = None
    ) -> None:
        self.programs[name] = Program(name, [sys.executable, *arguments], logs, more)
        self.programs[name].start()

    def stop(self) -> dict[str, int]:
        """Stop all programs, the last one first. Return their exit codes."""
        return {name: self.programs[name].stop() for name in reversed(self.programs)}

    def take_disk(self) -> None:
        """Copy what is on the small disk to a folder beside it, and remove the disk."""
        shutil.copytree(self.disk, self.folder / "from-disk", symlinks=True)
        subprocess.run(["umount", self.disk], check=True)

    def submit(self, models: list[str]) -> None:
        """Put request files into the queue, as another program might."""
        now = timestamp(datetime.now(UTC))
        for number, model in enumerate(models):
            record = RequestRecord(
                model=model,
                precision=Precision.FLOAT32,
                submitted_time=now,
                sender=f"sender {number % 3}",
                evalboard=BoardBlock(
                    suite=SUITE,
                    history=(HistoryEntry(status=Status.PENDING, time=now, reason="submitted"),),
                ),
            )
            open_queue(self.settings).add(record)

    def requests(self) -> dict[str, RequestRecord]:
        """Return all requests by model."""
        records = (entry.record for entry in open_queue(self.settings).entries())
        return {record.model: record for record in records if record}

    def working(self) -> list[Working]:
        """Return how far the runs of all RUNNING requests are, in the order of the models."""
        found: list[Working] = []
        work = WorkFolder(self.settings.work_folder)
        for entry in open_queue(self.settings).entries():
            record = entry.record
            if record and record.status is Status.RUNNING and record.evalboard.claimed_by:
                progress = work.progress(entry.path).values()
                answered = sum(one.done for one in progress)
                finished = sum(one.state == "done" for one in progress)
                run_id = record.evalboard.claimed_by.run_id
                found.append(Working(record.model, run_id, answered, finished))
        return sorted(found)

    def _set_environment(self) -> Settings:
        """Let this process, and all it starts, have the settings of this installation."""
        for name in [name for name in os.environ if name.startswith("EVALBOARD_")]:
            del os.environ[name]
        os.environ |= {
            "EVALBOARD_HOME": f"{self.disk / 'home'}",
            "EVALBOARD_MODELS": f"{self.folder / 'models'}",
            "EVALBOARD_DATASETS": f"{self.folder / 'datasets'}",
            "EVALBOARD_OFFLINE": "true",
            "EVALBOARD_SUITE": SUITE,
            "EVALBOARD_BACKEND": "hf",
            "EVALBOARD_MAX_RUNNING": "2",
            # More accidents in half an hour than a request may have by default.
            "EVALBOARD_RETRY_PAUSES": "1, 1, 1, 1, 1",
            "EVALBOARD_SERVER_PORT": f"{self._ports['server']}",
            "EVALBOARD_VIEWER_PORT": f"{self._ports['viewer']}",
            # With the token that Ray's head and its drivers need.
            "HOME": f"{self.folder}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "HF_HOME": f"{self.folder / 'huggingface'}",
            "PREFECT_HOME": f"{self.folder / 'prefect'}",
            "PREFECT_API_URL": self.api_url,
            "RAY_ADDRESS": f"127.0.0.1:{self._ports['ray']}",
            "DO_NOT_TRACK": "1",
        }
        return load_settings()


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait until something is true at the start."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > START_SECONDS:
            raise AssertionError(f"After {START_SECONDS:.0f} s still not: {what}")
        time.sleep(POLL_SECONDS)


def is_up(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(address, timeout=10).status_code == 200
    return False

"""Two machines, each with a home, a cache and a Prefect server of its own, and one queue on a Hub."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_own_queue
from tests.hub.server import SmallHub
from tests.namespaces import in_own_namespace, kill_namespace
from tests.pipeline.runs import DEADLINE_SECONDS, STORES, said_by, start
from tests.signing import SECRET, put_signed
from tests.stand_in_engine import calls

# The Hub's client sends large files in a way that its HTTP library gives up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

BENCHMARK = "mmlu_anatomy"
MODELS = [f"test/copy-{number}" for number in range(6)]
HOSTS = ("machine-1", "machine-2")


@dataclass
class Machine:
    """A machine with one engine slot, whose every evaluation waits until it is released."""

    host: str
    settings: Settings
    controls: Path
    """Folder of the kernels of its engines."""
    program: subprocess.Popen[bytes] = field(init=False)
    released: int = 0

    def start(self) -> None:
        self.controls.mkdir(parents=True)
        # Its engines look for files beside their logs, and may write to this folder alone.
        (self.settings.work_folder / "logs").symlink_to(self.controls)
        self._hold()
        self.program = start(
            self.settings,
            "run",
            "--once",
            is_alone=True,
            module="tests.pipeline.stood_in",
            prefix=in_own_namespace(self.host),
        )

    def release(self) -> None:
        """Let the evaluation end that goes on, once it does. The next one waits again."""
        wait_until(lambda: self._evaluations() > self.released, [self])
        self.released += 1
        self._hold()
        with (self.controls / "calls").open("a", encoding="utf-8") as noted:
            noted.write("released 0 0\n")

    def _evaluations(self) -> int:
        return sum(call[0] == BENCHMARK for call in calls(self.controls))

    def _hold(self) -> None:
        new = self.controls / "new"
        new.write_text(f"released {self.released + 1}", encoding="utf-8")
        new.rename(self.controls / f"{BENCHMARK}.waits")  # at once: an engine may be reading


@pytest.fixture
def settings(
    configure: Callable[..., Settings], hub: SmallHub, models: Path, tmp_path: Path
) -> Settings:
    """Settings of a person who submits."""
    suite = tmp_path / "single.yaml"
    suite.write_text(
        "name: single\ntitle: Single\n"
        f"benchmarks: [{{key: {BENCHMARK}, title: MMLU Anatomy, baseline: 0.25}}]\n",
        encoding="utf-8",
    )
    for name in MODELS:
        shutil.copytree(models / "test" / "random", tmp_path / "models" / name)
    return configure(
        suite=str(suite),
        models=tmp_path / "models",
        backend="hf",
        max_running=1,
        engine_idle_seconds=0,
        offline=False,
        hub_endpoint=hub.address,
        hf_token=SecretStr("secret"),
        signing_key=SecretStr(SECRET),
        **{name: f"hf://datasets/org/{name}" for name in STORES},
    )


@pytest.fixture
def machines(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Machine]]:
    revision = find_repository(MODELS[0], "main", settings).revision
    made: list[Machine] = []
    for host in HOSTS:
        home = tmp_path / host
        monkeypatch.setenv("HF_HOME", str(home / "huggingface"))
        own = settings.model_copy(update={"home": home, "work": home / "work"})
        machine = Machine(host, own, own.work_folder / "compiled" / revision)
        machine.start()
        made.append(machine)
    yield made
    for machine in made:
        if machine.program.poll() is None:
            kill_namespace(machine.program.pid)
            machine.program.wait()


@pytest.fixture
def queue(settings: Settings) -> Callable[[], list[RequestRecord]]:
    """Submit one model, and five more of the same files. Return a function that reads the queue."""
    path = submit(Submission(model=MODELS[0], precision=Precision.FLOAT32), settings).request_path
    store = open_own_queue(settings)
    checked = store.get(path or "")
    for model in MODELS[1:]:
        put_signed(settings, checked.model_copy(update={"model": model}))
    return lambda: [entry.record for entry in store.entries() if entry.record]


def wait_until(condition: Callable[[], bool], machines: list[Machine]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert all(machine.program.poll() is None for machine in machines), "one has ended"
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.slow
def test_two_machines_empty_one_queue_and_neither_is_idle_while_work_waits(
    settings: Settings, queue: Callable[[], list[RequestRecord]], machines: list[Machine]
) -> None:
    def at_work() -> dict[str, str]:
        """Return the model that each machine evaluates."""
        return {
            record.evalboard.claimed_by.host: record.model
            for record in queue()
            if record.status is Status.RUNNING and record.evalboard.claimed_by
        }

    wait_until(lambda: set(at_work()) == set(HOSTS), machines)
    for machine in machines + machines:  # four requests wait
        done = at_work()[machine.host]
        machine.release()
        wait_until(lambda: at_work().get(machine.host, done) != done, machines)  # noqa: B023
        assert set(at_work()) == set(HOSTS)
    for machine in machines:
        machine.release()
    for machine in machines:
        assert machine.program.wait(DEADLINE_SECONDS) == 0

    records = queue()
    assert {record.model for record in records} == set(MODELS)
    assert {(r.status, r.evalboard.attempts) for r in records} == {(Status.FINISHED, 1)}
    hosts = Counter(r.evalboard.claimed_by.host for r in records if r.evalboard.claimed_by)
    assert hosts == dict.fromkeys(HOSTS, 3)
    documents = open_archive(settings).read().documents
    assert sorted(document.config.model_name for document in documents) == MODELS
    for machine in machines:
        assert list((machine.settings.work_folder / "runs").iterdir()) == []
        logs = (said_by(machine.settings), *(machine.settings.home / "logs").iterdir())
        said = "".join(log.read_text(encoding="utf-8") for log in logs)
        assert not re.search("Traceback|ERROR", said)

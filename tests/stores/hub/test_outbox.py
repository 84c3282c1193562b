"""Changes that wait: together as few commits, and past the death of their process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalboard.errors import ConflictError
from evalboard.stores.hub.outbox import Outbox
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import ABSENT, Operation, Write, blob_id
from tests.hub.faults import Fault
from tests.hub.repository import HubRepo
from tests.hub.server import SmallHub

REPOSITORY = Path(__file__).parents[3]
# Commits once, and is killed just before or after a call of a method.
KILLED = """
import os, signal, sys
from pathlib import Path
from evalboard.stores.hub.budget import CommitBudget
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.outbox import Outbox
from evalboard.stores.hub.sending import Sender
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import ABSENT, Write

endpoint, folder, owner, method, when = sys.argv[1:]
owner = {c.__name__: c for c in (CommitBudget, HubDataset, Outbox, Sender)}[owner]
original = getattr(owner, method)

def killed(*arguments, **keywords):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(*arguments, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, method, killed)
store = HubStore(HubDataset("org/requests", endpoint=endpoint, token="secret"), Path(folder))
store.commit([Write("left", b"1", ABSENT), Write("too", b"2", ABSENT)], message="left")
"""
POINTS = [
    ("Sender", "round", "before"),
    ("Outbox", "note_attempt", "before"),
    ("HubDataset", "push", "before"),
    ("HubDataset", "push", "after"),
    ("CommitBudget", "spend", "before"),
    ("Outbox", "answer", "before"),
    ("Outbox", "withdraw", "before"),
    ("Outbox", "answer", "after"),
    ("Outbox", "take_answer", "before"),
]


@pytest.fixture
def repo(hub: SmallHub) -> HubRepo:
    made = hub.create("org/requests")
    made.commit({"a": b"old"})
    return made


@pytest.fixture
def killed(hub: SmallHub, tmp_path: Path) -> Callable[[str, str, str], None]:
    """Let a process commit that is killed at a point."""

    def do(owner: str, method: str, when: str) -> None:
        environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(REPOSITORY),
        }
        command = [sys.executable, "-c", KILLED, hub.address, str(tmp_path / "one")]
        done = subprocess.run([*command, owner, method, when], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL

    return do


@pytest.fixture
def together(
    hub: SmallHub, open_hub: Callable[..., HubStore], tmp_path: Path
) -> Callable[..., list[str | None]]:
    """Commit changes at once: the first alone, the others wait meanwhile.

    Returns their revisions, None for a conflict. The commit of the others meets the fault.
    """

    def commit(operations: Sequence[Operation]) -> str | None:
        try:
            return open_hub().commit(operations, message="one of many")
        except ConflictError:
            return None

    def do(changes: Sequence[Sequence[Operation]], fault: Fault | None = None) -> list[str | None]:
        with ThreadPoolExecutor(len(changes)) as pool:
            with hub.faults.holding("commit") as came:
                first = pool.submit(commit, changes[0])
                came.wait()
                others = [pool.submit(commit, change) for change in changes[1:]]
                while len(list(tmp_path.rglob("*.entry"))) < len(changes):
                    time.sleep(0.005)
                if fault:
                    hub.faults.next("commit", fault)
            return [future.result() for future in (first, *others)]

    return do


@pytest.mark.parametrize("point", POINTS, ids=[" ".join(reversed(point)) for point in POINTS])
def test_what_a_killed_process_wanted_to_commit_is_committed_once(
    point: tuple[str, str, str],
    killed: Callable[..., None],
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
) -> None:
    killed(*point)
    snapshot = open_hub().snapshot()
    assert {path: snapshot.read(path) for path in snapshot.files} == {
        "a": b"old",
        "left": b"1",
        "too": b"2",
    }
    open_hub().commit([Write("a", b"next", blob_id(b"old"))], message="next")
    titles = [commit.title for commit in repo.history]
    assert titles == ["initial commit", "by hand", "left", "next"]


def test_what_was_left_goes_with_the_next_commit(
    killed: Callable[..., None], repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    killed("Sender", "round", "before")
    open_hub().commit([Write("a", b"next")], message="next")
    assert repo.files() == {"a": b"next", "left": b"1", "too": b"2"}
    assert len(repo.history) == 3


def test_what_was_left_and_no_longer_fits_is_dropped(
    killed: Callable[..., None], repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    killed("Sender", "round", "before")
    repo.commit({"too": b"theirs"})
    assert open_hub().snapshot().files.keys() == {"a", "too"}
    open_hub().commit([Write("a", b"next")], message="next")
    assert repo.files() == {"a": b"next", "too": b"theirs"}


def test_a_process_that_lives_sends_for_itself(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with hub.faults.holding("commit") as came:
            slow = pool.submit(open_hub().commit, [Write("a", b"mine")], message="slow")
            came.wait()
            assert open_hub().snapshot().read("a") == b"old"
        slow.result()
    assert len(repo.history) == 3


def test_changes_that_come_together_are_one_commit(
    repo: HubRepo, together: Callable[..., list[str | None]]
) -> None:
    first, *others = together([[Write(f"new/{number}", b"1", ABSENT)] for number in range(12)])
    assert len(repo.files()) == 13
    assert len(repo.history) == 4
    assert {first, *others} == {commit.sha for commit in repo.history[-2:]}


def test_one_that_conflicts_does_not_hold_up_the_others(
    repo: HubRepo, together: Callable[..., list[str | None]]
) -> None:
    revisions = together(
        [
            [Write("claim", b"%d" % number, ABSENT), Write(f"by/{number}", b"", ABSENT)]
            for number in range(8)
        ]
    )
    assert [revision is not None for revision in revisions] == [True] + [False] * 7
    assert repo.files() == {"a": b"old", "claim": b"0", "by/0": b""}


def test_one_that_the_hub_refuses_does_not_hold_up_the_others(
    hub: SmallHub, repo: HubRepo, together: Callable[..., list[str | None]]
) -> None:
    first, *others = together(
        [[Write(f"new/{number}", b"1", ABSENT)] for number in range(6)], fault=Fault(400)
    )
    assert hub.faults.made["commit"] == 1
    assert len(repo.files()) == 7
    assert first not in others
    assert len(set(others)) == 2


def test_a_short_budget_makes_one_commit_of_many(
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(number: int) -> str:
        store = open_hub(commits_per_hour=2)
        return store.commit([Write(f"new/{number}", b"1", ABSENT)], message="new")

    for number in range(2):
        write(number)
    with ThreadPoolExecutor(10) as pool:
        written = pool.map(write, range(2, 12))
        while len(list(tmp_path.rglob("*.entry"))) < 10:
            time.sleep(0.005)
        assert len(repo.history) - 2 == 2
        monkeypatch.setattr("evalboard.stores.hub.budget.HOUR", 0.1)  # it passes
        list(written)
    assert len(repo.files()) == 13
    assert len(repo.history) - 2 == 3


def test_with_a_parent_a_change_is_the_first_of_its_commit_or_a_conflict(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    parent = open_hub().snapshot().revision
    hub.faults.next("preupload", Fault(delay=0.5))

    def write(number: int) -> bool:
        try:
            open_hub().commit(
                [Write(f"new/{number}", b"1")], message="new", parent=parent if number else None
            )
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(write, range(4)))
    assert made[0]
    assert sum(made[1:]) <= 1
    assert len(repo.files()) == 1 + sum(made)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    operations = (Write("a b", b"\n\x00", "blob"), Write("c", b"", ABSENT), Write("d", b"1"))
    with outbox.entering(operations, "why", "parent") as name:
        entry = outbox.load(name)
        assert entry
        assert not outbox.abandoned()
    assert entry == (name, "why", "parent", operations)
    assert outbox.abandoned()


def test_answers_that_nobody_fetched_are_removed_after_a_day(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.mkdir()
    (answers / "taken-meanwhile.json").symlink_to("nowhere")
    for name in ("old.json", "new.json"):
        (answers / name).write_text("{}", encoding="utf-8")
    os.utime(answers / "old.json", (0, 0))
    Outbox(tmp_path).settle_attempt()
    assert {path.name for path in answers.iterdir()} == {"taken-meanwhile.json", "new.json"}

"""What is special about a store in a folder: real files, real processes, real kills."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import ConflictError, StoreError
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Delete, Write

# Commits in one child process after the other, each killed just before its n-th change of the file
# system, and tells what the next process finds. Of each state of the store, as JSON.
KILLED_COMMITS = """
import json, os, signal, sys
from pathlib import Path
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Delete, Write

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}

def kill_before(number):
    left = [number]
    def watch(event, arguments):
        if event in CHANGES or event == "open" and arguments[2] & os.O_ACCMODE:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)

states = []
survived = False
while not survived:
    root = Path(sys.argv[1]) / str(len(states))
    LocalStore(root).commit([Write("gone", b"1"), Write("kept", b"1")], message="before")
    if not (child := os.fork()):
        kill_before(len(states) + 1)
        changes = [Delete("kept"), Write("kept", b"2"), Delete("gone"), Write("deep/new", b"2")]
        LocalStore(root).commit(changes, message="killed")
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
    snapshot = LocalStore(root).snapshot()
    states.append({path: snapshot.read(path).decode() for path in snapshot.files})
    LocalStore(root).commit([Write("next", b"3")], message="after")
print(json.dumps(states))
"""
# Adds one to a file as often as it is told, and says how often it had to decide anew.
COUNTING = """
import sys
from pathlib import Path
from evalboard.errors import ConflictError
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write

store, left, conflicts = LocalStore(Path(sys.argv[1])), int(sys.argv[2]), 0
snapshot = store.snapshot()  # the same for all: of the first commits, one is no conflict
print("ready", flush=True)
sys.stdin.readline()
while left:
    try:
        more = b"%d" % (int(snapshot.read("count")) + 1)
        store.commit([Write("count", more)], message="one more", parent=snapshot.revision)
    except ConflictError:
        conflicts += 1
    else:
        left -= 1
    snapshot = store.snapshot()
print(conflicts)
"""
# Commits once, on the revision that it is given, when it is told to.
CLAIMING = """
import os, sys
from pathlib import Path
from evalboard.errors import ConflictError
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write

store = LocalStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    claim = Write("claim", b"%d" % os.getpid())
    store.commit([claim], message="claim", parent=sys.argv[2])
except ConflictError:
    print("lost")
else:
    print("won")
"""


def run_together(program: str, *arguments: str, processes: int) -> list[str]:
    """Start a program several times, let all go at once, and return their last lines."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * processes
    return answers


def history(root: Path) -> list[dict[str, Any]]:
    lines = (root / ".evalboard" / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Work in a folder as a user who may not write everywhere, as root may."""
    before, user = Path.cwd(), os.geteuid()
    os.chdir(folder)  # the folders above it may be closed to that user
    if user == 0:
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        os.chdir(before)


@pytest.fixture
def read_only(local: LocalStore, tmp_path: Path) -> Iterator[None]:
    """Make the store one that was written and is now read only."""
    local.commit([Write("folder/a", b"1")], message="before")
    root = tmp_path / "store"
    modes = {path: path.stat().st_mode for path in (root, *root.rglob("*"))}
    for path, mode in modes.items():
        path.chmod((mode & ~0o222) | 0o444)
    yield
    for path, mode in modes.items():
        path.chmod(mode)


def test_a_commit_that_is_killed_at_any_point_is_whole_or_was_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_COMMITS, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    states = json.loads(done.stdout)
    before = {"gone": "1", "kept": "1"}
    after = {"kept": "2", "deep/new": "2"}
    journaled = states.index(after)
    assert states[:journaled] == [before] * journaled
    assert states[journaled:] == [after] * (len(states) - journaled)
    # Some were killed before the journal stood, and some among the moves after it.
    assert journaled > 3
    assert len(states) - journaled > 3
    for number in range(len(states)):
        root = tmp_path / str(number)
        messages = [entry["message"] for entry in history(root)]
        killed = ["killed"] if number >= journaled else []
        assert list(dict.fromkeys(messages)) == ["before", *killed, "after"]
        assert not (root / ".evalboard" / "journal.json").exists()


def test_of_two_processes_with_the_same_parent_exactly_one_wins(tmp_path: Path) -> None:
    parent = LocalStore(tmp_path).commit([Write("a", b"")], message="before")
    answers = run_together(CLAIMING, str(tmp_path), parent, processes=2)
    assert sorted(answers) == ["lost", "won"]
    assert [entry["message"] for entry in history(tmp_path)] == ["before", "claim"]


def test_no_change_is_lost_among_processes(tmp_path: Path) -> None:
    LocalStore(tmp_path).commit([Write("count", b"0")], message="start")
    conflicts = run_together(COUNTING, str(tmp_path), "25", processes=4)
    assert LocalStore(tmp_path).snapshot().read("count") == b"100"
    assert sum(map(int, conflicts)) >= 3
    assert len(history(tmp_path)) == 101


def test_the_history_tells_who_changed_what(local: LocalStore, tmp_path: Path) -> None:
    empty = local.snapshot().revision
    first = local.commit([Write("a", b"1"), Write("ü", b"1")], message="submit")
    second = local.commit([Delete("a")], message="forget")
    entries = history(tmp_path / "store")
    assert [(e["parent"], e["revision"]) for e in entries] == [(empty, first), (first, second)]
    assert [e["message"] for e in entries] == ["submit", "forget"]
    assert [e["paths"] for e in entries] == [["a", "ü"], ["a"]]
    assert {e["host"] for e in entries} == {socket.gethostname()}


def test_a_snapshot_during_the_first_commit_is_whole(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_files = LocalStore._list  # pyright: ignore[reportPrivateUsage]

    def commit_meanwhile(store: LocalStore, under: str) -> Any:
        monkeypatch.undo()
        LocalStore(tmp_path / "store").commit([Write("a", b"1"), Write("b", b"1")], message="first")
        return {"a": list_files(store, under)["a"]}  # listed when only that was there

    monkeypatch.setattr(LocalStore, "_list", commit_meanwhile)
    assert local.snapshot().files.keys() == {"a", "b"}


def test_an_absent_folder_is_an_empty_store_and_is_not_made(tmp_path: Path) -> None:
    assert dict(LocalStore(tmp_path / "absent").snapshot().files) == {}
    assert not (tmp_path / "absent").exists()


def test_a_file_put_there_by_hand_is_content(local: LocalStore, tmp_path: Path) -> None:
    revision = local.commit([Write("a", b"1")], message="before")
    (tmp_path / "store" / "org").mkdir()
    (tmp_path / "store" / "org" / "hand.json").write_bytes(b"{}")
    snapshot = local.snapshot()
    assert snapshot.read("org/hand.json") == b"{}"
    with pytest.raises(ConflictError):
        local.commit([Write("a", b"2")], message="decided before", parent=revision)


def test_hidden_files_links_and_unprintable_names_are_not_content(
    local: LocalStore, tmp_path: Path
) -> None:
    local.commit([Write("a", b"1")], message="before")
    root = tmp_path / "store"
    (root / ".git").mkdir()
    for name in (".hidden", ".git/config", "line\nbreak", os.fsdecode(b"latin-\xfc")):
        (root / name).write_bytes(b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"")
    (root / "link").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (root / "dangling").symlink_to(root / "nowhere")
    os.mkfifo(root / "pipe")
    assert set(local.snapshot().files) == {"a"}


@pytest.mark.parametrize("folder", ["../secret", "/etc", "a/../../secret", ".hidden", "linked/in"])
def test_a_snapshot_of_what_is_no_folder_of_the_store_is_empty(folder: str, tmp_path: Path) -> None:
    for place in ("secret", "secret/in", "store/.hidden"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x").write_text("x")
    (tmp_path / "store" / "linked").symlink_to(tmp_path / "secret")
    assert dict(LocalStore(tmp_path / "store").snapshot(folder).files) == {}


def test_a_snapshot_of_a_folder_looks_at_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a/x", b"1"), Write("b/y", b"2")], message="two")
    looked: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked.append(str(path)) or scan(path))
    assert set(store.snapshot("a").files) == {"a/x"}
    assert looked == [f"{tmp_path}/a/"]


def test_nothing_is_written_through_a_link(local: LocalStore, tmp_path: Path) -> None:
    local.commit([Write("a", b"1")], message="before")
    (tmp_path / "outside").mkdir()
    (tmp_path / "store" / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError, match="in the way"):
        local.commit([Write("folder/b", b"")], message="out")
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "operations",
    [
        [Write("folder", b"")],
        [Write("file/below", b"")],
        [Write("new", b""), Write("new/below", b"")],
        [Write("x" * 300, b"")],
    ],
)
def test_what_cannot_lie_in_a_folder_is_refused_and_blocks_nothing(
    operations: list[Write], local: LocalStore
) -> None:
    before = local.commit([Write("folder/a", b""), Write("file", b"")], message="before")
    with pytest.raises(StoreError):
        local.commit(operations, message="impossible")
    assert local.snapshot().revision == before
    local.commit([Write("next", b"")], message="after")
    assert "next" in local.snapshot().files


def test_a_folder_cannot_be_deleted_as_a_file(local: LocalStore) -> None:
    local.commit([Write("folder/a", b"")], message="before")
    local.commit([Delete("folder")], message="not there as a file")
    assert set(local.snapshot().files) == {"folder/a"}


def test_a_rewrite_of_the_same_size_and_time_is_seen(local: LocalStore, tmp_path: Path) -> None:
    local.commit([Write("a", b"1")], message="before")
    file = tmp_path / "store" / "a"
    for moment in (file.stat().st_mtime_ns, 1_000_000_000):
        os.utime(file, ns=(moment, moment))
        before = local.snapshot()
        file.write_bytes(bytes([before.read("a")[0] + 1]))
        os.utime(file, ns=(moment, moment))
        assert local.snapshot().files["a"] != before.files["a"]


def test_settled_files_are_not_read_again(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.commit([Write("a", b"1")], message="before")
    monkeypatch.setattr("evalboard.stores.listing.SETTLED_NANOSECONDS", -(10**12))
    first = local.snapshot()
    with monkeypatch.context() as patch:
        patch.setattr(
            "evalboard.stores.listing._blob_id_of_file", lambda path, _: pytest.fail(path)
        )
        for store in (local, LocalStore(tmp_path / "store")):
            assert dict(store.snapshot().files) == dict(first.files)
    (tmp_path / "store" / "a").write_bytes(b"22")  # a clock may not tell it from the first by time
    assert local.snapshot().read("a") == b"22"


def test_a_file_changed_after_the_snapshot_is_a_conflict(local: LocalStore, tmp_path: Path) -> None:
    local.commit([Write("a", b"1"), Write("b", b"1")], message="before")
    snapshot = local.snapshot()
    (tmp_path / "store" / "a").write_bytes(b"2")
    (tmp_path / "store" / "b").unlink()
    for path in ("a", "b"):
        with pytest.raises(ConflictError, match="changed since"):
            snapshot.read(path)


@pytest.mark.usefixtures("read_only")
def test_a_read_only_folder_is_read(tmp_path: Path) -> None:
    with unprivileged(tmp_path):
        store = LocalStore(Path("store"))
        assert store.snapshot().read("folder/a") == b"1"
        with pytest.raises(StoreError, match="Permission denied"):
            store.commit([Write("b", b"")], message="no")


@pytest.mark.parametrize("closed", ["folder", "folder/a"])
def test_what_may_not_be_read_does_not_pass_for_absent(
    closed: str, local: LocalStore, tmp_path: Path
) -> None:
    local.commit([Write("folder/a", b"1")], message="before")
    path = tmp_path / "store" / closed
    mode = path.stat().st_mode
    path.chmod(0)
    with unprivileged(tmp_path), pytest.raises(StoreError, match="folder"):
        LocalStore(Path("store")).snapshot()
    path.chmod(mode)


def test_a_store_where_a_file_lies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / "file")
    uses: list[Callable[[], object]] = [
        store.snapshot,
        lambda: store.commit([Write("a", b"")], message="no"),
    ]
    for use in uses:
        with pytest.raises(StoreError, match="file"):
            use()

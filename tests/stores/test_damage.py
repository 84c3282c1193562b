"""Damaged files of this project's own are moved aside, what is good is kept, and work continues."""

import json
import logging
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import StoreError, StoreUnreachable
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.outcome import BenchmarkOutcome, TaskOutcome
from evalboard.stores.hub.budget import CommitBudget
from evalboard.stores.hub.cache import Cache
from evalboard.stores.hub.dataset import HubFile
from evalboard.stores.hub.outbox import UNKNOWN, Outbox
from evalboard.stores.hub.store import HubStore
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Delete, Write
from evalboard.stores.work import WorkFolder
from tests.damage import DAMAGES

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

KEY = "0123456789abcdef" * 4
TASK = TaskOutcome(
    task="anatomy", metrics={}, version=1, n_original=4, n_effective=4, task_hash="h", config={}
)
OUTCOME = BenchmarkOutcome(
    benchmark="anatomy",
    key=KEY,
    tasks=(TASK,),
    metrics={},
    num_fewshot=0,
    dataset_fingerprint="print",
    seconds=1.5,
)
PROGRESS = BenchmarkProgress(state="running", done=1, total=2)
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())


def harm(file: Path, damage: Callable[[bytes], bytes]) -> bytes:
    """Damage a file, and return its new content."""
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    return damaged


def aside(file: Path) -> list[bytes]:
    return [found.read_bytes() for found in file.parent.glob(f"{file.name}.torn-*")]


@every_damage
@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_finished_benchmark(
    tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    work = WorkFolder(tmp_path)
    work.keep(OUTCOME, b"PAR1 answers of the benchmark PAR1")
    (file,) = tmp_path.rglob(f"*.{suffix}")
    damaged = harm(file, damage)
    with caplog.at_level(logging.WARNING):
        assert [work.outcome("anatomy", KEY) for _ in range(3)] == [None] * 3
    assert aside(file) == [damaged]
    assert sum(file.name in record.getMessage() for record in caplog.records) == 1
    work.keep(OUTCOME, b"PAR1")
    assert work.outcome("anatomy", KEY) == OUTCOME
    assert work.answers(OUTCOME) == b"PAR1"


def test_a_finished_benchmark_without_its_answers(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    work.keep(OUTCOME, b"PAR1")
    (file,) = tmp_path.rglob("*.parquet")
    file.unlink()
    assert work.outcome("anatomy", KEY) is None


def test_a_finished_benchmark_of_an_earlier_version(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    work.keep(OUTCOME, b"PAR1")
    (file,) = tmp_path.rglob("*.json")
    file.write_text(OUTCOME.model_dump_json(), encoding="utf-8")
    assert work.outcome("anatomy", KEY) == OUTCOME


@every_damage
def test_progress(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    work = WorkFolder(tmp_path)
    work.note_progress("request", "good", PROGRESS)
    work.note_progress("request", "anatomy", PROGRESS)
    (file,) = tmp_path.rglob("anatomy.json")
    damaged = harm(file, damage)
    assert work.progress("request") == {"good": PROGRESS}
    assert aside(file) == [damaged]
    work.note_progress("request", "anatomy", PROGRESS)
    assert work.progress("request") == {"good": PROGRESS, "anatomy": PROGRESS}


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    work.note_progress("request", "good", PROGRESS)
    (file,) = tmp_path.rglob("good.json")
    file.unlink()
    (file / "inner").mkdir(parents=True)
    assert work.progress("request") == {}
    work.note_progress("request", "good", PROGRESS)
    assert work.progress("request") == {"good": PROGRESS}


def journal_of(root: Path, moves: list[Any], **more: Any) -> Path:
    """Write the journal of a commit that was killed after it, with one new content."""
    meta = root / ".evalboard"
    staged = meta / "staging" / ("a" * 32)
    staged.mkdir(parents=True)
    (staged / "0").write_bytes(b"new")
    document = {"aside": "a" * 32, "moves": moves, "note": {"message": "killed"}, **more}
    journal = meta / "journal.json"
    journal.write_text(json.dumps(document), encoding="utf-8")
    return journal


@every_damage
def test_a_journal(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a", b"old")], message="before")
    journal = journal_of(tmp_path, [{"from": "0", "to": "a"}], version=1)
    damaged = harm(journal, damage)
    assert store.snapshot().read("a") == b"old"
    assert aside(journal) == [damaged]
    (kept,) = (tmp_path / ".evalboard").glob("staging.torn-*/*/0")
    assert kept.read_bytes() == b"new"
    store.commit([Write("b", b"1")], message="after")
    assert sorted(store.snapshot().files) == ["a", "b"]


def test_a_journal_of_an_earlier_version(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a", b"old")], message="before")
    journal = journal_of(tmp_path, [{"from": "0", "to": "a"}])
    assert store.snapshot().read("a") == b"new"
    assert not journal.exists()


@pytest.mark.parametrize(
    "move",
    [
        {"from": None, "to": "../../victim"},
        {"from": None, "to": "../victim"},
        {"from": None, "to": "VICTIM"},
        {"from": "0", "to": "../victim"},
        {"from": "0", "to": "VICTIM"},
        {"from": "0", "to": "link/victim"},
        {"from": None, "to": "link/victim"},
        {"from": "../../a", "to": "b"},
        {"from": "VICTIM", "to": "b"},
        {"from": "0", "to": ".evalboard/lock"},
        {"from": "0", "to": ""},
        {"from": "0", "to": "folder"},
        {"from": 0, "to": "a"},
        {"from": "0", "to": None},
        {"to": "a"},
        "a",
    ],
    ids=str,
)
@pytest.mark.parametrize("beside", [[], [{"from": "0", "to": "a"}]])
def test_a_journal_touches_nothing_outside_its_store(
    tmp_path: Path, move: Any, beside: list[Any]
) -> None:
    root, victim = tmp_path / "store", tmp_path / "victim"
    store = LocalStore(root)
    store.commit([Write("a", b"old"), Write("folder/c", b"1")], message="before")
    victim.write_bytes(b"precious")
    (root / "link").symlink_to(tmp_path)
    if isinstance(move, dict):
        move = {name: str(victim) if to == "VICTIM" else to for name, to in move.items()}
    journal = journal_of(root, [*beside, move])
    content = journal.read_bytes()
    assert store.snapshot().read("a") == b"old"
    assert aside(journal) == [content]
    assert victim.read_bytes() == b"precious"
    assert sorted(store.snapshot().files) == ["a", "folder/c"]
    store.commit([Write("a", b"2"), Delete("folder/c")], message="after")
    assert sorted(store.snapshot().files) == ["a"]


@pytest.mark.parametrize("name", ["../aside", "/tmp", ".", "", "A" * 32, 1, None])
def test_a_journal_whose_contents_are_elsewhere(tmp_path: Path, name: Any) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a", b"old")], message="before")
    journal_of(tmp_path, [{"from": "0", "to": "a"}], aside=name)
    assert store.snapshot().read("a") == b"old"


@every_damage
def test_the_budget_of_commits(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "budget.json"
    CommitBudget(file, 1).spend()
    assert CommitBudget(file, 1).wait_seconds() > 0
    damaged = harm(file, damage)
    assert CommitBudget(file, 1).wait_seconds() == 0
    assert aside(file) == [damaged]
    CommitBudget(file, 1).spend()
    assert CommitBudget(file, 1).wait_seconds() > 0


@pytest.mark.parametrize("made", ["x", [None], ["1"], [float("nan")], [True], {"a": 1}])
def test_a_budget_of_other_values(tmp_path: Path, made: Any) -> None:
    file = tmp_path / "budget.json"
    file.write_text(json.dumps({"made": made, "not_before": 0}), encoding="utf-8")
    CommitBudget(file, 1).spend()
    assert CommitBudget(file, 1).wait_seconds() > 0


@every_damage
def test_the_tree_of_a_commit(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache, files = Cache(tmp_path), {"a.json": HubFile("1" * 40, 3)}
    cache.keep_tree("c", files)
    damaged = harm(tmp_path / "tree.json", damage)
    assert cache.tree("c") is None
    assert aside(tmp_path / "tree.json") == [damaged]
    cache.keep_tree("c", files)
    assert cache.tree("c") == files


@every_damage
def test_the_outcome_of_a_change(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    outbox = Outbox(tmp_path)
    with outbox.entering([Write("a", b"1")], "why", None) as name:
        outbox.answer(name, "revision")
        harm(tmp_path / "answers" / f"{name}.json", damage)
        with pytest.raises(StoreUnreachable, match="may have been made"):
            outbox.take_answer(name)


@every_damage
def test_the_note_of_a_sent_commit_is_never_taken_for_none(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    outbox = Outbox(tmp_path)
    outbox.note_attempt("parent")
    damaged = harm(tmp_path / "attempt.json", damage)
    assert [outbox.attempted() for _ in range(3)] == [UNKNOWN] * 3
    assert aside(tmp_path / "attempt.json") == [damaged]
    outbox.settle_attempt()
    assert outbox.attempted() is None


@pytest.mark.parametrize("name", sorted(DAMAGES.keys() - {"a later version"}))
def test_a_change_that_waits(tmp_path: Path, name: str) -> None:
    outbox = Outbox(tmp_path)
    operations = (Write("a", b"one"), Delete("b"), Write("c", b"three"))
    with outbox.entering(operations, "why", None) as change:
        file = tmp_path / "waiting" / f"{change}.entry"
        damaged = harm(file, DAMAGES[name])
        assert outbox.load(change) is None
        assert aside(file) == [damaged]
        assert outbox.waiting() == {}
        with pytest.raises(StoreError, match="Write again"):
            outbox.take_answer(change)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".git/config", "a//b", 1, None])
def test_a_change_of_a_path_that_is_no_content(tmp_path: Path, path: Any) -> None:
    outbox = Outbox(tmp_path)
    with outbox.entering([Write("a", b"1")], "why", None) as change:
        header = {"message": "why", "parent": None, "operations": [[path, 1, None]]}
        file = tmp_path / "waiting" / f"{change}.entry"
        file.write_bytes(json.dumps(header).encode() + b"\n1")
        assert outbox.load(change) is None


@pytest.mark.parametrize("name", ["torn middle", "a list", "a later version"])
@pytest.mark.parametrize("file", ["head.json", "tree.json", "budget.json", "attempt.json"])
def test_a_store_on_the_hub_goes_on(
    open_hub: Callable[..., HubStore], tmp_path: Path, file: str, name: str
) -> None:
    store = open_hub()
    store.commit([Write("a", b"1")], message="before")
    assert list(store.snapshot().files) == ["a"]
    (folder,) = (found.parent for found in (tmp_path / "one").rglob("head.json"))
    state = (folder / "outbox" if file == "attempt.json" else folder) / file
    if not state.exists():  # the outcome of the commit is known
        Outbox(folder / "outbox").note_attempt(store.snapshot().revision)
    damaged = harm(state, DAMAGES[name])
    again = open_hub()
    again.commit([Write("b", b"2")], message="after")
    assert sorted(open_hub(machine="two").snapshot().files) == ["a", "b"]
    assert sorted(open_hub().snapshot().files) == ["a", "b"]
    assert aside(state) == [damaged]


@contextmanager
def full_disk(largest: int) -> Iterator[None]:
    """Let no file of this process become larger. As on a full disk, writes are short, then fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_a_work_folder_as_it_was(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    work.keep(OUTCOME, b"PAR1")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with full_disk(100), pytest.raises(StoreError, match="Free disk space"):
        work.keep(OUTCOME, b"PAR1" * 100)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert work.outcome("anatomy", KEY) == OUTCOME


def test_a_full_disk_leaves_a_store_as_it_was(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a", b"1")], message="before")
    history = tmp_path / ".evalboard" / "history.jsonl"
    for number in range(5):
        store.commit([Write("a", b"%d" % number)], message="fill")
    size = history.stat().st_size
    with full_disk(size + 10), pytest.raises(StoreError, match="cannot be used"):
        store.commit([Write("a", b"2")], message="too much")
    # The commit was decided. It is finished when there is space.
    assert history.stat().st_size == size
    assert store.snapshot().read("a") == b"2"
    lines = history.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["message"] for line in lines][-2:] == ["fill", "too much"]

"""What every store promises; a new kind of store is one more parameter of `open_again`."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from evalboard.errors import ConflictError, FileTooLarge, StoreError
from evalboard.stores.protocol import (
    ABSENT,
    Delete,
    Store,
    Write,
    blob_id,
    retry_on_conflict,
)


def test_a_new_store_is_empty(store: Store) -> None:
    assert dict(store.snapshot().files) == {}


def test_what_is_committed_is_read_back(store: Store, open_again: Callable[[], Store]) -> None:
    content = {"a.json": b"{}", "org/Ünï.json": b"\x00\xff", "deep/er/empty": b""}
    revision = store.commit([Write(p, c) for p, c in content.items()], message="three files")
    for reader in (store, open_again()):
        snapshot = reader.snapshot()
        assert snapshot.revision == revision
        assert {path: snapshot.read(path) for path in snapshot.files} == content
        assert snapshot.files["a.json"] == blob_id(b"{}")


def test_a_snapshot_of_a_folder_has_its_files(store: Store) -> None:
    store.commit([Write(p, p.encode()) for p in ("a/b/x", "a/y", "ab/z", "c")], message="four")
    snapshot = store.snapshot("a")
    assert {path for path in snapshot.files if path.startswith("a/")} == {"a/b/x", "a/y"}
    assert snapshot.read("a/b/x") == b"a/b/x"
    assert snapshot.blobs(["a/none"]) == {"a/none": ABSENT}
    store.commit([Write("a/y", b"new")], message="again")
    assert store.snapshot("a").read("a/y") == b"new"


def test_blob_ids_are_those_of_git() -> None:
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_commit_leaves_other_files_alone(store: Store) -> None:
    store.commit([Write("a", b"1"), Write("b", b"1")], message="both")
    store.commit([Write("a", b"2")], message="one")
    snapshot = store.snapshot()
    assert (snapshot.read("a"), snapshot.read("b")) == (b"2", b"1")


def test_files_are_deleted(store: Store) -> None:
    store.commit([Write("folder/a", b"1"), Write("b", b"1")], message="two")
    store.commit([Delete("folder/a"), Delete("b/never"), Delete("never")], message="one left")
    assert set(store.snapshot().files) == {"b"}


@pytest.mark.parametrize(
    ("operations", "left"),
    [
        ([Delete("a"), Write("a", b"new")], {"a": b"new"}),
        ([Write("a", b"new"), Delete("a")], {}),
        ([Write("a", b"new"), Write("a", b"newer")], {"a": b"newer"}),
    ],
)
def test_the_last_operation_on_a_path_wins(
    operations: list[Write | Delete], left: dict[str, bytes], store: Store
) -> None:
    store.commit([Write("a", b"old")], message="before")
    store.commit(operations, message="twice the same path")
    snapshot = store.snapshot()
    assert {path: snapshot.read(path) for path in snapshot.files} == left


def test_the_revision_names_the_state(store: Store) -> None:
    empty = store.snapshot().revision
    first = store.commit([Write("a", b"1")], message="first")
    assert store.snapshot().revision == first != empty
    assert store.commit([Write("a", b"2")], message="second") != first


def test_who_comes_second_gets_a_conflict_and_writes_nothing(
    store: Store, open_again: Callable[[], Store]
) -> None:
    first, second = store, open_again()
    parent = first.snapshot().revision
    assert second.snapshot().revision == parent
    first.commit([Write("a", b"first")], message="first", parent=parent)
    with pytest.raises(ConflictError):
        second.commit(
            [Write("a", b"second"), Write("b", b"second")], message="second", parent=parent
        )
    snapshot = second.snapshot()
    assert set(snapshot.files) == {"a"}
    assert snapshot.read("a") == b"first"


def test_a_conflict_concerns_every_file(store: Store, open_again: Callable[[], Store]) -> None:
    parent = store.snapshot().revision
    open_again().commit([Write("other", b"")], message="somebody else")
    with pytest.raises(ConflictError):
        store.commit([Write("mine", b"")], message="me", parent=parent)


def test_the_newest_revision_is_accepted_as_parent(store: Store) -> None:
    revision = store.snapshot().revision
    for content in (b"1", b"2", b"3"):
        revision = store.commit([Write("a", content)], message="next", parent=revision)
    assert store.snapshot().read("a") == b"3"


def test_without_a_parent_a_commit_writes_over_what_is_there(
    store: Store, open_again: Callable[[], Store]
) -> None:
    store.snapshot()
    open_again().commit([Write("a", b"theirs")], message="somebody else")
    store.commit([Write("a", b"mine")], message="me")
    assert open_again().snapshot().read("a") == b"mine"


@pytest.mark.parametrize("operation", [Write("a", b"new", ABSENT), Write("a", b"new", "0" * 40)])
def test_a_file_that_is_not_what_an_operation_expects_is_a_conflict(
    operation: Write, store: Store
) -> None:
    store.commit([Write("a", b"old")], message="before")
    before = store.snapshot().revision
    with pytest.raises(ConflictError, match="'a'"):
        store.commit([Write("b", b"new"), operation], message="me")
    with pytest.raises(ConflictError, match="'a'"):
        store.commit([Write("b", b"new"), Delete("a", operation.over)], message="me")
    with pytest.raises(ConflictError, match="'none'"):
        store.commit([Delete("none", blob_id(b"old"))], message="me")
    assert store.snapshot().revision == before


def test_expectations_that_hold_are_met_whatever_else_changed(
    store: Store, open_again: Callable[[], Store]
) -> None:
    store.commit([Write("a", b"old"), Write("b", b"old")], message="before")
    there = store.snapshot().blobs(["a", "b", "c"])
    assert there == {"a": blob_id(b"old"), "b": blob_id(b"old"), "c": ABSENT}
    open_again().commit([Write("other", b"")], message="somebody else")
    changes = [Write("a", b"new", there["a"]), Delete("b", there["b"]), Write("c", b"", there["c"])]
    store.commit(changes, message="me")
    assert store.snapshot().files.keys() == {"a", "c", "other"}


def test_every_operation_on_a_path_expects_what_was_there_before(store: Store) -> None:
    store.commit([Write("a", b"old")], message="before")
    old = blob_id(b"old")
    store.commit([Delete("a", old), Write("a", b"new", old)], message="both hold")
    with pytest.raises(ConflictError):
        store.commit([Write("a", b"newer", old), Write("a", b"newest")], message="one does not")
    assert store.snapshot().read("a") == b"new"


def test_many_files_are_read_in_the_order_asked_for(store: Store) -> None:
    content = {f"{number}.json": b"%d" % number for number in range(20)}
    store.commit([Write(path, data) for path, data in content.items()], message="many")
    order = sorted(content, reverse=True)
    assert list(store.snapshot().read_many(order)) == [(path, content[path]) for path in order]
    with pytest.raises(StoreError, match="'none'"):
        list(store.snapshot().read_many(["0.json", "none"]))


def test_a_file_that_is_too_large_is_not_read(store: Store) -> None:
    store.commit([Write("large", b"1234"), Write("small", b"123")], message="two sizes")
    snapshot = store.snapshot()
    assert snapshot.read("large", at_most=4) == b"1234"
    with pytest.raises(FileTooLarge, match="'large'.*4 bytes"):
        snapshot.read("large", at_most=3)
    found = dict(snapshot.read_many(["large", "small"], at_most=3))
    assert isinstance(found["large"], FileTooLarge)
    assert found["small"] == b"123"


def test_what_a_snapshot_does_not_have_cannot_be_read(store: Store) -> None:
    with pytest.raises(StoreError, match="'missing'") as caught:
        store.snapshot().read("missing")
    assert not isinstance(caught.value, ConflictError)


@pytest.mark.parametrize("operation", [Write("a", b"new"), Delete("a")])
def test_a_snapshot_never_gives_what_it_did_not_see(
    operation: Write | Delete, store: Store, open_again: Callable[[], Store]
) -> None:
    store.commit([Write("a", b"old")], message="before")
    snapshot = store.snapshot()
    open_again().commit([operation], message="after")
    with suppress(ConflictError):
        assert snapshot.read("a") == b"old"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/a",
        "../a",
        "a/../../b",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        "a/.evalboard/b",
        "line\nbreak",
        "nul\0",
        "\udcff",
    ],
)
def test_paths_that_leave_the_store_or_hide_in_it_are_refused(path: str, store: Store) -> None:
    for operation in (Write(path, b""), Delete(path)):
        with pytest.raises(StoreError, match="cannot be stored"):
            store.commit([Write("good", b""), operation], message="bad")
    assert dict(store.snapshot().files) == {}


def test_a_change_that_meets_a_conflict_is_decided_anew(
    store: Store, open_again: Callable[[], Store]
) -> None:
    other = open_again()
    store.commit([Write("count", b"0")], message="start")

    def change() -> int:
        snapshot = store.snapshot()
        count = int(snapshot.read("count"))
        if count < 2:
            other.commit([Write("count", b"%d" % (count + 1))], message="somebody else")
        store.commit([Write("count", b"%d" % (count + 10))], message="me", parent=snapshot.revision)
        return count

    assert retry_on_conflict(change) == 2
    assert store.snapshot().read("count") == b"12"


def test_who_is_always_slower_gets_the_conflict_at_last(store: Store) -> None:
    tries: list[str] = []

    def change() -> None:
        tries.append("")
        store.commit([Write("a", b"")], message="me", parent="of another age")

    with pytest.raises(ConflictError):
        retry_on_conflict(change, attempts=2)
    assert len(tries) == 2

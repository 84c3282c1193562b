"""What a process knows of a folder, and what the next one learns from it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.stores import listing
from evalboard.stores.listing import Listing
from evalboard.stores.protocol import blob_id
from tests.damage import DAMAGES


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose content is read. All files are old, and few of them are many."""
    names: list[str] = []
    whole = listing._blob_id_of_file

    def read_one(path: str, size: int) -> str:
        names.append(Path(path).name)
        return whole(path, size)

    monkeypatch.setattr(listing, "_blob_id_of_file", read_one)
    monkeypatch.setattr(listing, "SETTLED_NANOSECONDS", -(10**12))
    monkeypatch.setattr(listing, "MANY_FILES", 3)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "folder" / "é").mkdir(parents=True)
    for name in ("folder/b", "folder/é/c d", "a"):
        (root / name).write_bytes(name.encode())
    return root


def expected(
    root: Path, names: tuple[str, ...] = ("a", "folder/b", "folder/é/c d")
) -> list[tuple[str, str]]:
    return [(name, blob_id((root / name).read_bytes())) for name in names]


def files(root: Path, under: str = "") -> list[tuple[str, str]]:
    """List the folder as a new process does."""
    return list(Listing(root, root / ".kept.json").files(under).items())


def test_the_next_process_reads_only_what_has_changed(root: Path, read: list[str]) -> None:
    assert files(root) == expected(root)
    assert sorted(read) == ["a", "b", "c d"]
    (root / "a").write_bytes(b"other")
    (root / "folder" / "b").unlink()
    read.clear()
    assert files(root) == expected(root, ("a", "folder/é/c d"))
    assert read == ["a"]


def test_a_listing_of_a_part_forgets_nothing_else(root: Path, read: list[str]) -> None:
    whole = Listing(root, root / ".kept.json")
    whole.files()
    (root / "folder" / "b").write_bytes(b"other")
    read.clear()
    assert list(whole.files("folder")) == ["folder/b", "folder/é/c d"]
    assert list(whole.files().items()) == expected(root)
    assert read == ["b"]


def test_few_files_are_not_worth_a_listing(
    root: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MANY_FILES", 4)
    files(root)
    assert not (root / ".kept.json").exists()


def test_young_files_are_not_believed(
    root: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SETTLED_NANOSECONDS", 10**15)
    files(root)
    read.clear()
    assert files(root) == expected(root)
    assert len(read) == 3


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_listing_is_not_believed(
    root: Path, read: list[str], damage: Callable[[bytes], bytes]
) -> None:
    files(root)
    kept = root / ".kept.json"
    kept.write_bytes(damage(kept.read_bytes()))
    read.clear()
    assert files(root) == expected(root)
    assert len(read) == 3


def test_a_listing_with_another_blob_id_is_not_believed(root: Path, read: list[str]) -> None:
    files(root)
    kept = root / ".kept.json"
    blob = blob_id(b"a").encode()
    kept.write_bytes(kept.read_bytes().replace(blob, b"0" * 40))
    assert files(root) == expected(root)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders whose entries are asked for."""
    names: list[str] = []
    whole = listing._content

    def look_into(place: str, folder: str) -> tuple[str, ...]:
        names.append(folder)
        return whole(place, folder)

    monkeypatch.setattr(listing, "_content", look_into)
    return names


def test_only_folders_that_have_changed_are_looked_into_again(
    root: Path, read: list[str], looked: list[str]
) -> None:
    lasting = Listing(root, root.parent / "kept.json")
    assert list(lasting.files().items()) == expected(root)
    assert looked == ["", "folder/", "folder/é/"]
    time.sleep(0.1)  # the clock of a file system has steps of some milliseconds
    looked.clear()
    (root / "a").write_bytes(b"written in place")
    (root / "folder" / "é" / "e").write_bytes(b"new")
    (root / "folder" / "é" / "c d").unlink()
    assert list(lasting.files().items()) == expected(root, ("a", "folder/b", "folder/é/e"))
    assert looked == ["folder/é/"]
    time.sleep(0.1)
    (root / "folder" / "é").rename(root / "other")
    assert list(lasting.files().items()) == expected(root, ("a", "folder/b", "other/e"))


def test_the_next_process_looks_only_into_folders_that_have_changed(
    root: Path, read: list[str], looked: list[str]
) -> None:
    kept = root.parent / "kept.json"
    (root / "empty").mkdir()
    (root / "folder" / "link").symlink_to("b")
    Listing(root, kept).files()
    time.sleep(0.1)  # the clock of a file system has steps of some milliseconds
    looked.clear()
    (root / "a").write_bytes(b"written in place")
    (root / "folder" / "é" / "e").write_bytes(b"new")
    (root / "folder" / "é" / "c d").unlink()
    found = Listing(root, kept).files()
    assert list(found.items()) == expected(root, ("a", "folder/b", "folder/é/e"))
    assert looked == ["folder/é/"]


def test_files_are_sorted_by_their_paths(root: Path, read: list[str]) -> None:
    for name in ("folder.json", "folder-2", "folder0", "folder/é.json", "folder/é-2"):
        (root / name).write_bytes(b"")
    names = list(Listing(root, root.parent / "kept.json").files())
    assert names == sorted(names)
    assert len(names) == 8


def test_a_folder_that_has_just_changed_is_looked_into_again(root: Path) -> None:
    lasting = Listing(root, root.parent / "kept.json")
    for number in range(20):
        (root / "folder" / f"{number}").write_bytes(b"")
        assert f"folder/{number}" in lasting.files()

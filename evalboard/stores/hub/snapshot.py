"""Reads of one commit: its whole tree if all files are needed, otherwise single paths."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from types import MappingProxyType

from rich.console import Console
from rich.progress import Progress

from evalboard.errors import FileTooLarge, StoreError, StoreUnreachable
from evalboard.stores.hub.cache import Cache, is_content
from evalboard.stores.hub.dataset import READING_THREADS, HubDataset, HubFile
from evalboard.stores.hub.responses import CallUnknown
from evalboard.stores.paths import is_content_path
from evalboard.stores.protocol import ABSENT

NO_COMMIT = "0" * 40
"""Revision of a repository that does not exist yet."""
FEW_PATHS = 200
"""Limit of paths to ask for by name while the tree is unknown."""
FILES_AT_A_TIME = 500
BYTES_AT_A_TIME = 32 * 2**20
SHOWN_FROM = 100
"""Number of downloads from which a progress bar is shown."""


class HubSnapshot:
    """The files of a dataset repository at one commit.

    Data is read when needed, and only once: commits do not change.
    """

    def __init__(self, dataset: HubDataset, cache: Cache, revision: str) -> None:
        self._dataset = dataset
        self._cache = cache
        self.revision = revision
        self._tree: Mapping[str, HubFile] | None = {} if revision == NO_COMMIT else None
        self._files: dict[str, str] | None = None
        self._located: dict[str, HubFile | None] = {}

    @property
    def files(self) -> Mapping[str, str]:
        """Blob id of every path."""
        if self._files is None:
            self._files = {path: file.blob for path, file in self._all().items()}
        return MappingProxyType(self._files)

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the blob id of each path; see `Snapshot.blobs`."""
        found = self.locate(list(paths))
        return {path: file.blob if file else ABSENT for path, file in found.items()}

    def read(self, path: str, *, at_most: int | None = None) -> bytes:
        """Return a file's content; see `Snapshot.read`."""
        ((_, content),) = self.read_many([path], at_most=at_most)
        if isinstance(content, FileTooLarge):
            raise content
        return content

    def read_many(
        self, paths: Iterable[str], *, at_most: int | None = None
    ) -> Iterator[tuple[str, bytes | FileTooLarge]]:
        """Yield each path with its content; see `Snapshot.read_many`.

        Missing contents are downloaded with concurrent calls and cached at once, so an interrupted
        first read continues where it stopped.
        """
        wanted: list[tuple[str, HubFile]] = []
        for path, file in self.locate(list(paths)).items():
            if file is None:
                raise StoreError(f"No file {path!r} in {self._dataset.address!r}.")
            wanted.append((path, file))
        small = [entry for entry in wanted if at_most is None or entry[1].size <= at_most]
        known = self._cache.known(file for _, file in small)
        missing = {file.blob for _, file in small} - known
        with _bar(len(missing), self._dataset.address) as bar:
            for some in _portions(wanted):
                yield from self._read_some(some, at_most, bar)

    def _read_some(
        self, some: Sequence[tuple[str, HubFile]], at_most: int | None, bar: Progress
    ) -> Iterator[tuple[str, bytes | FileTooLarge]]:
        small = {
            file.blob: (path, file)
            for path, file in some
            if at_most is None or file.size <= at_most
        }
        contents = self._cache.contents([file for _, file in small.values()])
        missing = [entry for blob, entry in small.items() if blob not in contents]
        if missing:
            contents |= self._download(missing, bar)
        for path, file in some:
            if at_most is not None and file.size > at_most:
                yield path, FileTooLarge.of(path, self._dataset.address, file.size, at_most)
            else:
                yield path, contents[file.blob]

    def _download(self, missing: Sequence[tuple[str, HubFile]], bar: Progress) -> dict[str, bytes]:
        contents: dict[str, bytes] = {}
        threads = min(READING_THREADS, len(missing))
        with self._cache.keeping() as keep, ThreadPoolExecutor(threads) as pool:
            started = {pool.submit(self._fetch, *entry): entry[1] for entry in missing}
            try:
                for done in as_completed(started):
                    file, content = started[done], done.result()
                    keep(file, content)
                    contents[file.blob] = content
                    for task in bar.task_ids:
                        bar.advance(task)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return contents

    def _fetch(self, path: str, file: HubFile) -> bytes:
        content = self._dataset.download(self.revision, path)
        if not is_content(file, content):
            raise StoreUnreachable(
                f"The Hub sent file {path!r} of {self._dataset.address!r} with other content than "
                "it listed. Try again."
            )
        return content

    def _all(self) -> Mapping[str, HubFile]:
        if self._tree is None:
            self._tree = self._cache.tree(self.revision)
        if self._tree is None:
            found = self._dataset.tree(self.revision)
            self._tree = {path: found[path] for path in sorted(found) if is_content_path(path)}
            self._cache.keep_tree(self.revision, self._tree)
        return self._tree

    def locate(self, paths: Sequence[str]) -> dict[str, HubFile | None]:
        """Return each of these paths as the Hub lists it, None if there is no file."""
        if self._tree is None and len(paths) <= FEW_PATHS:
            self._tree = self._cache.tree(self.revision)
        if self._tree is None and len(paths) <= FEW_PATHS:
            with suppress(CallUnknown):  # such a server lists everything
                return self._look_up(paths)
        tree = self._all()
        return {path: tree.get(path) for path in paths}

    def _look_up(self, paths: Sequence[str]) -> dict[str, HubFile | None]:
        unknown = [path for path in paths if path not in self._located]
        askable = [path for path in unknown if is_content_path(path)]
        found = self._dataset.locate(self.revision, askable) if askable else {}
        self._located |= {path: found.get(path) for path in unknown}
        return {path: self._located[path] for path in paths}


def _portions(
    wanted: Sequence[tuple[str, HubFile]],
) -> Iterator[list[tuple[str, HubFile]]]:
    """Yield the files in portions that fit into memory."""
    portion: list[tuple[str, HubFile]] = []
    size = 0
    for path, file in wanted:
        if portion and (len(portion) == FILES_AT_A_TIME or size + file.size > BYTES_AT_A_TIME):
            yield portion
            portion, size = [], 0
        portion.append((path, file))
        size += file.size
    if portion:
        yield portion


@contextmanager
def _bar(total: int, address: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal for many downloads."""
    console = Console(stderr=True)
    shown = total >= SHOWN_FROM and console.is_terminal
    with Progress(console=console, disable=not shown, transient=True) as bar:
        if shown:
            bar.add_task(address, total=total)
        yield bar

"""The calls to one dataset repository, through the official client.

Reads are retried here. Changes are tried once, because only the caller can find out whether they
succeeded. Every call has a timeout, which the client's own listings and commits do not have.
"""

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    get_session,
    hf_hub_url,
)
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    build_hf_headers,
    disable_progress_bars,
    enable_progress_bars,
    hf_raise_for_status,
    parse_ratelimit_headers,
)

from evalboard.errors import ConfigError, StoreError
from evalboard.hub_client import hub_api
from evalboard.stores.hub.responses import (
    CallUnknown,
    HubBusy,
    RepositoryAbsent,
    store_errors,
)
from evalboard.stores.hub.waiting import Patience, Throttle
from evalboard.stores.protocol import Operation, Write
from evalboard.wording import duration

logger = logging.getLogger(__name__)

BRANCH = "main"
TIMEOUT_SECONDS = 60.0
READ_PATIENCE_SECONDS = 120.0
READING_THREADS = 8
PATHS_PER_CALL = 500

T = TypeVar("T")


class HubFile(NamedTuple):
    """A file as the Hub lists it."""

    blob: str
    size: int
    """Size of the content in bytes."""
    sha256: str = ""
    """sha256 of the content of a large file, whose blob id is that of a pointer."""


class HubCommit(NamedTuple):
    """One line of the history."""

    sha: str
    text: str
    """Title and description."""


class HubDataset:
    """A dataset repository.

    Args:
        name: `{org}/{name}`.
        endpoint: Address of the server; None for the client's default.
        token: Token, None for anonymous calls. The client never uses another token that it finds.
        timeout: Limit of the wait for a part of an answer, in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        endpoint: str | None = None,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self.address = f"hf://datasets/{name}"
        self.has_token = bool(token)
        self._api = hub_api(endpoint, token or False)
        self._headers = build_hf_headers(token=token or False)
        self._timeout = timeout
        self._finds_paths = True
        self._has_xet = True
        self._throttle = Throttle()

    @property
    def endpoint(self) -> str:
        """Address of the server."""
        return self._api.endpoint

    def head(self) -> str | None:
        """Return the newest commit that the Hub reports, None without a repository.

        Raises:
            ConfigError: The repository is not public, and there is no token.
        """

        def ask() -> str | None:
            found = self._api.dataset_info(self.name, expand=["sha"], timeout=self._timeout)
            return found.sha

        try:
            return self._patiently(ask)
        except (RepositoryAbsent, CallUnknown) as exc:
            if self.has_token:
                return None
            raise ConfigError(
                f"The Hub has no public dataset {self.address!r}. Set HF_TOKEN to use a private "
                "one or to create it, or correct the address."
            ) from exc

    def create(self) -> None:
        """Create a private repository, unless it exists."""
        self._session()
        with store_errors(self.address):
            self._api.create_repo(self.name, repo_type="dataset", private=True, exist_ok=True)

    def tree(self, commit: str) -> dict[str, HubFile]:
        """Return all files of a commit, by path."""
        url: str | None = self._api_url("tree", commit)
        params: Mapping[str, str] | None = {"recursive": "true", "expand": "false"}
        files: dict[str, HubFile] = {}
        while url is not None:
            response = self._get(url, params)
            files |= _listed(response.json())
            url, params = response.links.get("next", {}).get("url"), None
        return files

    def locate(self, commit: str, paths: Sequence[str]) -> dict[str, HubFile]:
        """Return the paths that are files of a commit.

        Raises:
            CallUnknown: The server has only listings.
        """
        if not self._finds_paths:
            raise CallUnknown(f"The server of {self.address!r} does not look up single paths.")
        files: dict[str, HubFile] = {}
        for start in range(0, len(paths), PATHS_PER_CALL):
            some = list(paths[start : start + PATHS_PER_CALL])

            def ask(some: list[str] = some) -> list[Any]:
                response = self._session().post(
                    self._api_url("paths-info", commit),
                    data={"paths": some, "expand": "false"},
                    headers=self._headers,
                )
                return self._checked(response).json()

            try:
                files |= _listed(self._patiently(ask))
            except CallUnknown:
                self._finds_paths = False
                raise
        return files

    def history(self, commit: str) -> Iterator[HubCommit]:
        """Yield a commit and its ancestors, the newest first, page by page."""
        url: str | None = self._api_url("commits", commit)
        while url is not None:
            response = self._get(url, None)
            for item in response.json():
                yield HubCommit(item["id"], f"{item['title']}\n{item.get('message') or ''}")
            url = response.links.get("next", {}).get("url")

    def download(self, commit: str, path: str) -> bytes:
        """Return a file's content with one call."""
        url = hf_hub_url(
            self.name, path, repo_type="dataset", revision=commit, endpoint=self.endpoint
        )
        return self._get(url, None).content

    def push(
        self, operations: Sequence[Operation], *, parent: str, message: str, description: str
    ) -> str:
        """Commit on `parent` and return the new head.

        Large files go the way of Xet, or of LFS to a server without Xet. The client makes no commit if the newest head already has the files, whatever the parent,
        and returns that head.

        Raises:
            HubBusy: The commit may have failed or succeeded. Read the history before the next try.
        """
        self._session()

        def commit() -> str:
            with store_errors(self.address), _without_bars():
                return self._api.create_commit(
                    self.name,
                    [_client_operation(o, by_xet=self._has_xet) for o in operations],
                    commit_message=message,
                    commit_description=description,
                    repo_type="dataset",
                    revision=BRANCH,
                    parent_commit=parent,
                ).oid

        try:
            return commit()
        except HubBusy as exc:
            # The part of the client that speaks Xet raises this for every refusal of a token.
            if not isinstance(exc.__cause__, ConnectionError) or not self._lacks_xet():
                raise
        logger.info("The server of %r has no Xet: it gets large files by LFS.", self.address)
        self._has_xet = False
        return commit()

    def _lacks_xet(self) -> bool:
        """Return whether the server refuses for good to give a token for uploads by Xet."""
        if not self._has_xet:
            return False
        try:
            self._get(self._api_url("xet-write-token", BRANCH), None)
        except HubBusy:
            raise
        except StoreError:
            return True
        return False

    def _api_url(self, call: str, commit: str) -> str:
        return f"{self.endpoint}/api/datasets/{self.name}/{call}/{quote(commit, safe='')}"

    def _session(self) -> httpx2.Client:
        session = get_session()
        session.timeout = httpx2.Timeout(self._timeout)
        return session

    def _get(self, url: str, params: Mapping[str, str] | None) -> httpx2.Response:
        def ask() -> httpx2.Response:
            return self._checked(self._session().get(url, params=params, headers=self._headers))

        return self._patiently(ask)

    def _checked(self, response: httpx2.Response) -> httpx2.Response:
        """Return a good answer. If few calls are left, wait for the next rate-limit window."""
        hf_raise_for_status(response)
        limit = parse_ratelimit_headers(response.headers)
        if limit is not None and limit.remaining < READING_THREADS:
            self._throttle.hold(limit.reset_in_seconds + 1.0)
        return response

    def _patiently(self, ask: Callable[[], T]) -> T:
        patience = Patience(READ_PATIENCE_SECONDS)
        while True:
            if wait := self._throttle.wait_seconds():
                reason = f"The Hub asks for a pause of {duration(wait)} in {self.address!r}."
                patience.grant(wait, reason)
            try:
                with store_errors(self.address):
                    return ask()
            except HubBusy as exc:
                if patience.is_over:
                    raise
                if exc.wait:
                    self._throttle.hold(exc.wait)
                problem = exc.message
            patience.pause(problem)


def _listed(items: list[Any]) -> dict[str, HubFile]:
    files: dict[str, HubFile] = {}
    for item in items:
        if item["type"] == "file":
            large = item.get("lfs") or {}
            size = large.get("size", item["size"])
            files[item["path"]] = HubFile(item["oid"], size, large.get("oid", ""))
    return files


def _client_operation(
    operation: Operation, *, by_xet: bool
) -> CommitOperationAdd | CommitOperationDelete:
    """Return an operation for the client, which sends streams by LFS only."""
    if isinstance(operation, Write):
        content = operation.content if by_xet else io.BytesIO(operation.content)
        return CommitOperationAdd(operation.path, content)
    return CommitOperationDelete(operation.path, is_folder=False)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Let the client show no bars: they tell of its parts, and would go into logs."""
    are_shown = not are_progress_bars_disabled()
    if are_shown:
        disable_progress_bars()
    try:
        yield
    finally:
        if are_shown:
            enable_progress_bars()

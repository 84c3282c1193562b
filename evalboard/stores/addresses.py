"""Open a store by its address, and the three stores of a board by its settings."""

import re
from pathlib import Path

from evalboard.errors import ConfigError
from evalboard.settings import Settings, load_settings
from evalboard.signing import KeySource
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.store import HubStore
from evalboard.stores.listed import Book
from evalboard.stores.local import LocalStore
from evalboard.stores.notices import (
    HUB_STATES,
    NOTICES,
    VERDICTS,
    HubStateBook,
    NoticeBook,
    VerdictBook,
)
from evalboard.stores.ownership import own
from evalboard.stores.protocol import Store
from evalboard.stores.reported import ReportedArchive
from evalboard.stores.requests import RequestQueue
from evalboard.stores.results import ResultsArchive

_DATASET = re.compile(r"hf://datasets/([\w-][\w.-]*/[\w-][\w.-]*)/?", re.ASCII)


def open_store(address: str, settings: Settings | None = None) -> Store:
    """Return the store at an address.

    Args:
        address: A folder, or `hf://datasets/{org}/{name}`.
        settings: Address of the Hub, token, and local folder. None reads the environment.

    Raises:
        ConfigError: The kind of address is unknown, or the settings forbid the use of the Hub.
    """
    if not is_hosted(address):
        return LocalStore(Path(address).resolve())
    found = _DATASET.fullmatch(address)
    if found is None:
        raise ConfigError(
            f"Store address {address!r} is neither a folder nor hf://datasets/{{org}}/{{name}}. "
            "Correct it."
        )
    return _open_hub_store(found[1], settings or load_settings())


def open_queue(settings: Settings) -> RequestQueue:
    """Return the queue of a board, for readers and submitters. Raises like `open_store`.

    A machine that does not have the store's signing key takes its signatures at their word.
    """
    store = open_store(settings.store_address("requests"), settings)
    return RequestQueue(store, KeySource(settings), is_strict=False)


def open_own_queue(settings: Settings) -> RequestQueue:
    """Return the queue of a board, for those that evaluate and change its requests.

    Raises:
        ForeignKey: Another installation signs the requests of this store.
        ConfigError: As `open_store`; or this installation has no key and cannot make one.
        StoreError: The store cannot be read or written.
    """
    store = open_store(settings.store_address("requests"), settings)
    keys = KeySource(settings)
    own(store, keys, settings.signing_folder)
    return RequestQueue(store, keys)


def open_archive(settings: Settings) -> ResultsArchive:
    """Return the results of a board. Raises like `open_store`."""
    return ResultsArchive(open_store(settings.store_address("results"), settings))


def open_reported(settings: Settings) -> ReportedArchive:
    """Return the imported scores of a board. Raises like `open_store`."""
    return ReportedArchive(open_store(settings.store_address("results"), settings))


def open_notices(settings: Settings) -> NoticeBook:
    """Return the operator's notices on the models of a board. Raises like `open_store`."""
    return Book(open_store(settings.store_address("results"), settings), NOTICES)


def open_verdicts(settings: Settings) -> VerdictBook:
    """Return which versions give comparable scores on a board. Raises like `open_store`."""
    return Book(open_store(settings.store_address("results"), settings), VERDICTS)


def open_hub_states(settings: Settings) -> HubStateBook:
    """Return what the Hub said of the models of a board. Raises like `open_store`."""
    return Book(open_store(settings.store_address("results"), settings), HUB_STATES)


def open_board(settings: Settings) -> Store:
    """Return the store that a board's viewer reads. Raises like `open_store`."""
    return open_store(settings.store_address("board"), settings)


def is_hosted(address: str) -> bool:
    """Return whether a store is on a service with limits for calls and commits."""
    return "://" in address


def _open_hub_store(name: str, settings: Settings) -> HubStore:
    if settings.offline:
        raise ConfigError(
            f"Store 'hf://datasets/{name}' is on the Hub, but EVALBOARD_OFFLINE is set. Unset it, "
            "or keep the store in a folder."
        )
    dataset = HubDataset(name, endpoint=settings.hub_endpoint, token=settings.token)
    return HubStore(
        dataset, settings.hub_state_folder, commits_per_hour=settings.hub_commits_per_hour
    )

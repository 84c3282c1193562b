"""A queue in a local store, and request files put into it."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.request import BoardBlock, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue, open_queue, open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import RequestQueue
from tests.signing import put_signed

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SHA = "0123456789abcdef0123456789abcdef01234567"

Put = Callable[..., str]


def make(model: str = "org/model", *, status: Status = Status.PENDING, **fields: Any) -> Any:
    """Return a request; `block` holds the fields of its `evalboard` part."""
    block = BoardBlock.model_validate(fields.pop("block", {}))
    values: dict[str, Any] = {"revision": SHA, "submitted_time": "2026-11-20T10:00:00Z"} | fields
    return RequestRecord(model=model, status=status, evalboard=block, **values)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "suite": "demo", "offline": True})


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)


@pytest.fixture
def put(settings: Settings) -> Put:
    """Write a request as it is, signed by this installation, and return its path."""
    open_own_queue(settings)  # names the key in the store
    return partial(put_signed, settings)


@pytest.fixture
def put_unsigned(settings: Settings) -> Put:
    """Write a request as another program would, and return its path."""

    def write(record: RequestRecord, path: str = "") -> str:
        path = path or record.path
        store = open_store(settings.store_address("requests"), settings)
        store.commit([Write(path, record.to_json())], message="put")
        return path

    return write

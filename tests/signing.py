"""Requests as this installation writes them, put into a store at once."""

from evalboard.records.request import RequestRecord
from evalboard.settings import Settings
from evalboard.signing import KeySource
from evalboard.stores.addresses import open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import sign

SECRET = "a secret of the tests, long enough"


def known_keys() -> KeySource:
    """Return a key that needs no file."""
    return KeySource(Settings.model_validate({"signing_key": SECRET}))


def put_signed(settings: Settings, record: RequestRecord, path: str = "") -> str:
    """Write a request as it is, signed with the key of the installation; return its path."""
    path = path or record.path
    content = sign(path, record, KeySource(settings).obtain())
    store = open_store(settings.store_address("requests"), settings)
    store.commit([Write(path, content)], message="put")
    return path

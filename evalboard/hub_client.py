"""The client of the Hub, which a process can use while it starts others."""

import os

import httpx2
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.utils._http import default_client_factory


def hub_api(endpoint: str | None, token: str | bool | None) -> HfApi:
    """Return the API of a Hub.

    Args:
        endpoint: Address of the server, None for the public Hub.
        token: The token, False to send none.
    """
    return HfApi(endpoint=endpoint, token=token)


def _make_client() -> httpx2.Client:
    """Return a client that only its own process closes.

    `huggingface_hub` closes its client in every fork of a process (`os.register_at_fork`), which takes
    the lock of the connections. If another thread has it at the moment of the fork, it stays taken in
    the fork: the fork waits for ever, and so does the thread that starts a program with it. Ray
    starts its programs in this way.
    """
    client, close, process = default_client_factory(), httpx2.Client.close, os.getpid()

    def close_in_own_process() -> None:
        if os.getpid() == process:
            close(client)

    client.close = close_in_own_process
    return client


set_client_factory(_make_client)

"""Make the board's Space show the newest board.

The viewer follows the board store, so a running Space only needs a moment. A sleeping Space, or one
whose viewer no longer answers, is restarted.
"""

import json
import time
from collections.abc import Callable
from urllib.request import Request, urlopen

import httpx2
from huggingface_hub import HfApi

from evalboard.errors import StoreError
from evalboard.hub_client import hub_api
from evalboard.records.board_files import META_FILE
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.protocol import retry_on_conflict

FOLLOW_SECONDS = 60.0
"""Time for a running viewer to notice the new board."""
RESTART_SECONDS = 900.0
"""Time for a Space to build and start."""
PAUSE_SECONDS = 5.0
ANSWER_SECONDS = 30.0
BOARD_PATH = "/data/board.json"


def show_on_space(
    settings: Settings,
    *,
    follow_seconds: float = FOLLOW_SECONDS,
    restart_seconds: float = RESTART_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> bool:
    """Wait until the Space serves the published board. Restart it if necessary.

    Returns:
        Whether it was restarted.

    Raises:
        StoreError: The Space cannot be restarted, or does not serve the board after the restart.
    """
    store = open_board(settings)
    content = retry_on_conflict(lambda: store.snapshot().read(META_FILE))
    wanted = json.loads(content)["content_hash"]
    api = hub_api(settings.hub_endpoint, settings.token)
    space = settings.space

    def serves_it() -> bool:
        return _served_hash(api, space, settings.token) == wanted

    if _wait(serves_it, follow_seconds, pause_seconds):
        return False
    try:
        api.restart_space(space)
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"Space {space!r} cannot be restarted: {exc}. Check EVALBOARD_SPACE, and that the "
            "token has write access to it."
        ) from exc
    if not _wait(serves_it, restart_seconds, pause_seconds):
        raise StoreError(
            f"Space {space!r} was restarted but still does not serve the new board after "
            f"{restart_seconds:.0f} s. See its log."
        )
    return True


def _served_hash(api: HfApi, space: str, token: str | None) -> str | None:
    """Return the content hash of the board that a Space serves, None if it serves none."""
    try:
        host = api.space_info(space).host
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urlopen(
            Request(f"{host}{BOARD_PATH}", headers=headers), timeout=ANSWER_SECONDS
        ) as got:
            return json.load(got)["meta"]["content_hash"]
    except (httpx2.HTTPError, OSError, ValueError, KeyError, TypeError):
        return None  # asleep, building, or something else answers there


def _wait(condition: Callable[[], bool], seconds: float, pause_seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() + pause_seconds > deadline:
            return False
        time.sleep(pause_seconds)
    return True

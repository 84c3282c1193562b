"""Make the board's Space show the newest boards.

The viewer follows the board store, so a running Space only needs a moment. A sleeping Space, or one
whose viewer no longer answers, is restarted.
"""

import json
import time
from collections.abc import Callable, Iterable
from urllib.request import Request, urlopen

import httpx2
from huggingface_hub import HfApi

from evalboard.errors import StoreError
from evalboard.hub_client import hub_api
from evalboard.records.board_files import META_FILE
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.protocol import Snapshot, retry_on_conflict
from evalboard.suites.boards import boards_of

FOLLOW_SECONDS = 60.0
"""Time for a running viewer to notice the new board."""
RESTART_SECONDS = 900.0
"""Time for a Space to build and start."""
PAUSE_SECONDS = 5.0
ANSWER_SECONDS = 30.0
BOARD_PATH = "data/board.json"


def show_on_space(
    settings: Settings,
    *,
    follow_seconds: float = FOLLOW_SECONDS,
    restart_seconds: float = RESTART_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> bool:
    """Wait until the Space serves all published boards. Restart it if necessary.

    Returns:
        Whether it was restarted.

    Raises:
        StoreError: The Space cannot be restarted, or does not serve a board after the restart.
    """
    folders = [board.folder for board in boards_of(settings)]
    store = open_board(settings)
    wanted = retry_on_conflict(lambda: _published_hashes(store.snapshot(), folders))
    api = hub_api(settings.hub_endpoint, settings.token)
    space = settings.space

    def serves_them() -> bool:
        return all(
            _served_hash(api, space, folder, settings.token) == wanted[folder] for folder in folders
        )

    if _wait(serves_them, follow_seconds, pause_seconds):
        return False
    try:
        api.restart_space(space)
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"Space {space!r} cannot be restarted: {exc}. Check EVALBOARD_SPACE, and that the "
            "token has write access to it."
        ) from exc
    if not _wait(serves_them, restart_seconds, pause_seconds):
        raise StoreError(
            f"Space {space!r} was restarted but still does not serve the new board after "
            f"{restart_seconds:.0f} s. See its log."
        )
    return True


def _published_hashes(snapshot: Snapshot, folders: Iterable[str]) -> dict[str, str]:
    """Return the content hash of the board in each folder of the board store."""
    contents = {folder: snapshot.read(folder + META_FILE) for folder in folders}
    return {folder: json.loads(content)["content_hash"] for folder, content in contents.items()}


def _served_hash(api: HfApi, space: str, folder: str, token: str | None) -> str | None:
    """Return the content hash of a board that a Space serves, None if it serves none."""
    try:
        host = api.space_info(space).host
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urlopen(
            Request(f"{host}/{folder}{BOARD_PATH}", headers=headers), timeout=ANSWER_SECONDS
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

import asyncio
import threading
from typing import Any

import httpx

from evalboard.settings import Settings
from leaderboard_app.addresses import Proxies
from leaderboard_app.connections import Connections
from tests.leaderboard_app.abuse import Storm, rage, read_board
from tests.leaderboard_app.serving import build_app, serving

SMALL = Storm(silent=60, bodies=4, body_bytes=1_000_000, floods=4, joins=20, searches=20, pages=20)


def test_a_reader_gets_the_board_beside_a_small_storm(
    settings: Settings, board_folder: Any, make_row: Any
) -> None:
    board_folder.write_board([make_row(f"org/model-{number}", 0.5) for number in range(50)])
    limits = Connections(80, 40, Proxies([]))
    over = threading.Event()
    waits: list[float] = []
    with serving(build_app(settings), limits) as address:
        reader = threading.Thread(
            target=lambda: waits.extend(asyncio.run(read_board(address, over.is_set)))
        )
        reader.start()
        try:
            statuses = asyncio.run(rage(address, SMALL))
        finally:
            over.set()
            reader.join()
        assert httpx.get(f"{address}/health", timeout=300).json()["rows"] == 50
    assert waits
    assert not {status for status in statuses if status >= 500 and status != 503}
    # Large bodies and calls of what is no endpoint are refused; a refusal may be lost with its connection.
    assert statuses.get(413, 0) + statuses.get(0, 0) >= SMALL.bodies + SMALL.floods
    assert statuses.get(404, 0) + statuses.get(0, 0) >= SMALL.joins
    assert statuses.get(404, 0) > 0

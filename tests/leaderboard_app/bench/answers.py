"""How long and how large single answers of the server are."""

import random
import time
from statistics import median
from typing import Any

import httpx

from tests.leaderboard_app.bench.pages import Times

RANKED_ROWS = 500
REPEATS = 9
COLUMNS = ("average", "medmcqa", "pubmedqa")


def measure_answers(address: str, models: int) -> dict[str, Any]:
    """Return the bytes of the first rows, and the seconds for ranks of rows, each time of others."""
    with httpx.Client(base_url=address, timeout=60) as http:
        with http.stream("GET", "/data/first.json", headers={"Accept-Encoding": "br"}) as first:
            size = sum(map(len, first.iter_raw()))
        waits = [_ask(http, column, models, seed) for seed in range(REPEATS) for column in COLUMNS]
    return {"first bytes": size, "ranks": Times(median(waits), max(waits))}


def _ask(http: httpx.Client, column: str, models: int, seed: int) -> float:
    # Runs of five rows keep the address within what the server reads.
    starts = random.Random(seed).sample(range(0, models - 4, 5), RANKED_ROWS // 5)
    rows = ",".join(f"{start}-{start + 4}" for start in starts)
    start = time.perf_counter()
    http.get("/data/ranks.json", params={"column": column, "rows": rows}).raise_for_status()
    return time.perf_counter() - start

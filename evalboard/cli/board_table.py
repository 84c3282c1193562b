"""The board as a table for a terminal."""

import io
import json
from typing import NamedTuple

import pandas as pd
from rich.table import Table
from rich.text import Text

from evalboard.errors import StoreError
from evalboard.records.table import META_FILE, TABLE_FILE, BoardMeta
from evalboard.settings import Settings
from evalboard.stores.opening import open_board
from evalboard.stores.protocol import Store, retry_on_conflict


class PublishedBoard(NamedTuple):
    """What the board store holds."""

    frame: pd.DataFrame
    meta: BoardMeta


def read_board(settings: Settings) -> PublishedBoard:
    """Return the published board.

    Raises:
        StoreError: No board was built yet.
    """
    store = open_board(settings)
    return retry_on_conflict(lambda: _read(store))


def _read(store: Store) -> PublishedBoard:
    snapshot = store.snapshot()
    if META_FILE not in snapshot.files:
        raise StoreError(
            f"Store {store.address!r} has no board yet. Build it with `evalboard board build`."
        )
    meta = BoardMeta.model_validate(json.loads(snapshot.read(META_FILE)))
    return PublishedBoard(pd.read_parquet(io.BytesIO(snapshot.read(TABLE_FILE))), meta)


def board_table(board: PublishedBoard) -> Table:
    """Return rank, model, average and every benchmark with its standard error, in percent."""
    table = Table(title=board.meta.title)
    table.add_column("#", justify="right")
    table.add_column("model")
    table.add_column("average", justify="right")
    for benchmark in board.meta.benchmarks:
        table.add_column(benchmark.title, justify="right")
    for rank, row in enumerate(board.frame.to_dict("records"), start=1):
        cells = [_percent(row["average"])]
        cells += [_percent(row[b.key], row[f"{b.key}__stderr"]) for b in board.meta.benchmarks]
        table.add_row(str(rank), Text(str(row["model"])), *cells)
    return table


def _percent(score: float | None, stderr: float | None = None) -> str:
    if score is None or pd.isna(score):
        return "—"
    error = "" if stderr is None or pd.isna(stderr) else f" ± {100 * stderr:.1f}"
    return f"{100 * score:.1f}{error}"

"""`evalboard board`: build the boards without waiting for a flow, show one, or write it into a file."""

import argparse
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from evalboard.board import exports
from evalboard.board.measured import find_measured
from evalboard.cli.reporting import cell, console
from evalboard.errors import ConfigError
from evalboard.hub_client import hub_api
from evalboard.model_cards import FORMATS, open_pull_request
from evalboard.publishing import publish_board, publish_queue
from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import RANK_SUFFIXES
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_notices
from evalboard.stores.board import PublishedBoard, read_board
from evalboard.suites.boards import boards_of, find_board


def build(arguments: argparse.Namespace, settings: Settings) -> int:
    """Build the table of every board, and the queue, from the stores."""
    publish_queue(settings)
    changed = publish_board(settings, now=datetime.now(UTC))
    state = "written" if changed else "unchanged"
    others = [board.suite.name for board in boards_of(settings)][1:]
    what = f"Board and further boards ({', '.join(others)})" if others else "Board"
    print(f"{what} at {settings.store_address('board')}: {state}")
    return 0


def show(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print a published board.

    Raises:
        ConfigError: The suite has no board.
    """
    board = _read(arguments.suite, settings)
    if arguments.json:
        print(board.frame.to_json(orient="records", indent=2))
    else:
        console.print(draw_board(board))
        if board.meta.reported:
            console.print(draw_reported(board.meta))
    return 0


def export(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write the published board into a file, or one row for the model's repository.

    Raises:
        ConfigError: The file's ending is that of no format, or it cannot be written; there is no such
            row; or as `show` does.
        StoreError: The pull request cannot be opened.
    """
    if arguments.model:
        return _export_row(arguments, settings)
    file: Path | None = arguments.file
    if file is None:
        raise ConfigError("Nothing to export. Name a file, or a row with --model.")
    board = _read(arguments.suite, settings)
    content = exports.export(board.table, board.meta, file.suffix)
    try:
        file.write_bytes(content)
    except OSError as exc:
        raise ConfigError(f"{str(file)!r} cannot be written: {exc.strerror}.") from exc
    print(f"{file}: written")
    return 0


def _export_row(arguments: argparse.Namespace, settings: Settings) -> int:
    suite = find_board(arguments.suite, settings).suite
    documents, notices = open_archive(settings).read().documents, open_notices(settings).read()
    measured = find_measured(" ".join(arguments.model), documents, suite, notices)
    space = f"https://huggingface.co/spaces/{settings.space}" if settings.space else ""
    link: str = arguments.link or space
    if arguments.pull_request:
        api = hub_api(settings.hub_endpoint, settings.token)
        print(open_pull_request(arguments.format, measured, suite, link, api=api))
    else:
        print(FORMATS[arguments.format](measured, suite, link), end="")
    return 0


def _read(suite: str, settings: Settings) -> PublishedBoard:
    return read_board(open_board(settings), find_board(suite, settings).folder)


def draw_board(board: PublishedBoard) -> Table:
    """Return rank, model, average and every benchmark with its standard error, in percent.

    A rank has its range in brackets; a model that nothing can be compared with has none.
    """
    table = Table(title=board.meta.title)
    table.add_column("#", justify="right")
    table.add_column("model")
    table.add_column("average", justify="right")
    for benchmark in board.meta.benchmarks:
        table.add_column(benchmark.title, justify="right")
    for row in board.frame.to_dict("records"):
        cells = [_percent(row["average"])]
        cells += [_percent(row[b.key], row[f"{b.key}__stderr"]) for b in board.meta.benchmarks]
        table.add_row(_rank(row), cell(str(row["model"])), *cells)
    return table


def draw_reported(meta: BoardMeta) -> Table:
    """Return the scores that others report, in percent."""
    table = Table(title="Reported by others, not measured here and not ranked")
    table.add_column("model")
    table.add_column("setting")
    table.add_column("average", justify="right")
    for benchmark in meta.benchmarks:
        table.add_column(benchmark.title, justify="right")
    table.add_column("source")
    for row in meta.reported:
        scores = [row.scores.get(benchmark.key) for benchmark in meta.benchmarks]
        cells = [_percent(score and score.value, score and score.stderr) for score in scores]
        source = " ".join(filter(None, (row.source, row.link)))
        named = cell(row.model), cell(row.setting), _percent(row.average)
        table.add_row(*named, *cells, cell(source))
    return table


def _rank(row: dict[Hashable, Any]) -> str:
    rank, low, high = (row.get(f"average{suffix}") for suffix in RANK_SUFFIXES)
    return "—" if rank is None or pd.isna(rank) else f"{rank:.0f} ({low:.0f}–{high:.0f})"


def _percent(score: float | None, stderr: float | None = None) -> str:
    if score is None or pd.isna(score):
        return "—"
    error = "" if stderr is None or pd.isna(stderr) else f" ± {100 * stderr:.1f}"
    return f"{100 * score:.1f}{error}"

"""`evalboard rescore`: metrics beside accuracy, from the stored answers."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from evalboard.cli.reporting import cell, console, say
from evalboard.identity import RowIdentity, document_folder, row_identity
from evalboard.metrics.answered import read
from evalboard.metrics.rounds import robustness_of
from evalboard.metrics.table import METRICS, compute
from evalboard.records.earned import AnswersName
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from evalboard.stores.results import ResultsArchive
from evalboard.suites.boards import find_board
from evalboard.suites.model import Suite


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the metrics of every model and benchmark of a board.

    Raises:
        ConfigError: The suite has no board.
    """
    suite = find_board(arguments.suite, settings).suite
    found = [
        {**row._asdict(), "benchmark": name.benchmark, **metrics}
        for row, name, metrics in _rescore(open_archive(settings), suite)
    ]
    if arguments.json:
        print(json.dumps(found, indent=2))
    elif found:
        console.print(_draw(found))
    else:
        say(f"There are no stored answers of suite {suite.name!r} yet.")
    return 0


def _rescore(
    archive: ResultsArchive, suite: Suite
) -> Iterator[tuple[RowIdentity, AnswersName, dict[str, Any]]]:
    rows: dict[AnswersName, RowIdentity] = {}
    asked = {benchmark.key: benchmark for benchmark in suite.benchmarks}
    for document in archive.read().documents:
        if document.evalboard.suite == suite.name:
            row, folder = row_identity(document.config.choice), document_folder(document)
            for key in document.evalboard.benchmark_keys:
                rows[AnswersName(folder, key, by_subject=False)] = row
    for name, answers in archive.answers(sorted(rows)):
        if answered := read(answers):
            benchmark = asked.get(name.benchmark)
            figures = robustness_of(benchmark, answers) if benchmark else None
            yield rows[name], name, compute(answered) | (figures._asdict() if figures else {})


def _draw(found: list[dict[str, Any]]) -> Table:
    """Return accuracy with its interval in percent, and the other metrics as they are defined."""
    table = Table(
        "model", "benchmark", "n", "accuracy", *(name.replace("_", " ") for name in METRICS)
    )
    for row in found:
        accuracy = f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f}–{100 * row['high']:.1f})"
        values = ["—" if row.get(name) is None else f"{row[name]:.3f}" for name in METRICS]
        table.add_row(cell(row["model"]), row["benchmark"], str(row["n"]), accuracy, *values)
    return table

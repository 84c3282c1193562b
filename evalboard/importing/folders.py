"""Find the results of others in a folder, and read each file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.errors import ConfigError, RecordError
from evalboard.importing.results import Origin, read_results
from evalboard.importing.samples import check_samples
from evalboard.importing.tables import ReadRow, TableRow, read_rows
from evalboard.records.reported import ReportedRow
from evalboard.suites.model import Suite

Form = Literal["lm-eval", "leaderboard"]
TABLE_ENDINGS = (".parquet", ".csv", ".jsonl")


class Imported(NamedTuple):
    """What became of a result file, or of a row of a table."""

    path: str
    """Relative to the folder."""
    row: ReportedRow | None
    """None if nothing could be read."""
    notes: tuple[str, ...]
    """What was changed, guessed or left out, and why nothing could be read."""
    text: str
    """The imported content, as it was."""


def read_folder(
    folder: Path, form: Form, suite: Suite, *, source: str = "", link: str = ""
) -> list[Imported]:
    """Read all results in a folder, at any depth.

    Args:
        folder: The folder.
        form: Who made it: `lm-eval`, or one of the leaderboard templates.
        suite: Whose benchmarks are looked for.
        source: What the board shows as the source; empty for the path of each file.
        link: Address of the source.

    Raises:
        ConfigError: There is no such folder, or it has no files of this form.
    """
    if not folder.is_dir():
        raise ConfigError(f"Folder {str(folder)!r} does not exist. Correct the path.")
    files = sorted(path for path in folder.rglob("*") if _is_wanted(path, form))
    if not files:
        raise ConfigError(
            f"Folder {str(folder)!r} has no results of {form}. Its files are named "
            f"{'results_….json' if form == 'lm-eval' else '….json, .parquet, .csv or .jsonl'}."
        )
    return [
        imported
        for path in files
        for imported in _read(
            path, suite, Origin(path.relative_to(folder).as_posix(), source, link)
        )
    ]


def _is_wanted(path: Path, form: Form) -> bool:
    if form == "lm-eval":
        return path.suffix == ".json" and path.name.startswith("results")
    return path.suffix == ".json" or path.suffix in TABLE_ENDINGS


def _read(path: Path, suite: Suite, origin: Origin) -> Iterator[Imported]:
    try:
        if path.suffix in TABLE_ENDINGS or _is_list(path):
            rows = list(read_rows(_table(path), suite, origin))
            yield from (_imported(origin, read) for read in rows)
        else:
            yield _read_file(path, suite, origin)
    except (RecordError, OSError, UnicodeDecodeError) as exc:
        yield Imported(origin.path, None, (str(exc),), "")


def _imported(origin: Origin, read: ReadRow) -> Imported:
    return Imported(origin.path, read.row, read.notes, read.text)


def _read_file(path: Path, suite: Suite, origin: Origin) -> Imported:
    text = path.read_text(encoding="utf-8")
    notes: list[str] = []
    try:
        row = read_results(text, suite, origin, notes.append)
    except RecordError as exc:
        return Imported(origin.path, None, (*notes, exc.message), text)
    check_samples(path, row, suite, notes.append)
    return Imported(origin.path, row, tuple(notes), text)


def _is_list(path: Path) -> bool:
    """Return whether a JSON file is a list of rows."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return path.suffix == ".json" and file.read(64).lstrip().startswith("[")


def _table(path: Path) -> list[TableRow]:
    """Return the rows of a table.

    Raises:
        RecordError: The file is not what its ending says.
    """
    try:
        cells = _READERS[path.suffix](path)
    except (ValueError, pa.ArrowException, pd.errors.ParserError) as exc:
        raise RecordError(f"{path.name!r} cannot be read: {exc}.") from exc
    rows = [row for row in cells if isinstance(row, dict)]
    return [TableRow(number, row) for number, row in enumerate(rows)]


def _read_csv(path: Path) -> list[dict[str, object]]:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]


def _read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _read_list(path: Path) -> list[dict[str, object]]:
    return json.loads(path.read_text(encoding="utf-8"))


_READERS: dict[str, Callable[[Path], list[dict[str, object]]]] = {
    ".csv": _read_csv,
    ".json": _read_list,
    ".jsonl": _read_lines,
    ".parquet": lambda path: pq.read_table(path).to_pylist(),
}

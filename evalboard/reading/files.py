"""Files of answers that somebody wants to be read."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.errors import ConfigError
from evalboard.reading.answers import Unread, letters_of

_FLAG = (bool, type(None))
_TEXT = (str, type(None))
_PARQUET = b"PAR1"


def unread_answers(file: Path) -> Iterator[Unread]:
    """Yield the answers in a file, Parquet or JSON lines.

    Raises:
        ConfigError: The file cannot be read, or a row is no answer.
    """
    number = 0
    for number, row in enumerate(_rows(file), start=1):
        if problem := _problem_of(row):
            raise ConfigError(f"Row {number} of {str(file)!r} cannot be read: {problem}")
        yield Unread(
            row["text"] or "",
            tuple(row["choices"]),
            row.get("finish_reason") or "",
            bool(row.get("thinking_opened")),
        )
    if not number:
        raise ConfigError(f"File {str(file)!r} has no rows. Write one answer per row.")


def _rows(file: Path) -> Iterator[Any]:
    try:
        with file.open("rb") as opened:
            is_parquet = opened.read(len(_PARQUET)) == _PARQUET
        yield from _parquet_rows(file) if is_parquet else _json_rows(file)
    except OSError as exc:
        raise ConfigError(f"File {str(file)!r} cannot be read: {exc.strerror or exc}.") from exc


def _parquet_rows(file: Path) -> Iterator[Any]:
    try:
        for batch in pq.ParquetFile(file).iter_batches():
            yield from batch.to_pylist()
    except pa.ArrowException as exc:
        raise ConfigError(f"File {str(file)!r} is a broken Parquet file: {exc}.") from exc


def _json_rows(file: Path) -> Iterator[Any]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json_row(line, f"Line {number} of {str(file)!r}")
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"File {str(file)!r} is neither Parquet nor text in UTF-8. Use Parquet, or a JSON object "
            "per line."
        ) from exc


def _json_row(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise ConfigError(
            f"{where} is not JSON: {exc}. Write one object per line, such as "
            '{"text": "Answer: B", "choices": ["Aspirin", "Ibuprofen"]}.'
        ) from exc


def _problem_of(row: Any) -> str:
    """Return what is wrong with a row and what to do, empty if nothing is."""
    if not isinstance(row, Mapping):
        return "it is not an object with the columns `text` and `choices`."
    if missing := [name for name in ("text", "choices") if name not in row]:
        return f"column {missing[0]!r} is missing. Add it."
    if not isinstance(row["text"], _TEXT) or not isinstance(row.get("finish_reason"), _TEXT):
        return "`text` and `finish_reason` must be texts."
    if not isinstance(row.get("thinking_opened"), _FLAG):
        return "`thinking_opened` must be true or false."
    return _problem_of_choices(row["choices"])


def _problem_of_choices(choices: Any) -> str:
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return "`choices` must be a list of texts, in the order of their letters."
    try:
        letters_of(tuple(choices))
    except ValueError as exc:
        return f"{exc} Correct `choices`."
    return ""

"""The answers of one model to one benchmark, question by question: one Parquet file of a result."""

from typing import NamedTuple

import pyarrow as pa

from evalboard.errors import RecordError
from evalboard.records.parquet import is_text, parquet_table

REQUIRED_COLUMNS = ("question_id", "doc_hash", "correct")


class Answers(NamedTuple):
    """The answers of one model to one benchmark."""

    table: pa.Table
    """As stored, in the order of the data set."""
    questions: list[tuple[str, int, str]]
    """Of every question its subject (or an empty text), number and hash."""
    correct: list[bool | None]
    """None where one question's score is a fraction."""

    @classmethod
    def from_parquet(cls, content: bytes, *, path: str) -> "Answers":
        """Read a file of answers.

        Args:
            content: The file.
            path: Where it lies, for messages.

        Raises:
            RecordError: It is no such file.
        """
        try:
            table = parquet_table(content)
        except ValueError as exc:
            raise RecordError(f"Answers file {path!r} is not a Parquet file: {exc}.") from exc
        if missing := [name for name in REQUIRED_COLUMNS if name not in table.column_names]:
            raise RecordError(f"Answers file {path!r} has no column {missing[0]!r}.")
        for name in REQUIRED_COLUMNS:
            if not _is_sound(table.column(name), name):
                raise RecordError(f"Answers file {path!r} has wrong values in column {name!r}.")
        numbers = [int(number) for number in table.column("question_id").to_pylist()]
        hashes = text_column(table, "doc_hash")
        questions = list(zip(text_column(table, "subject"), numbers, hashes, strict=True))
        return cls(table, questions, table.column("correct").to_pylist())


def _is_sound(values: pa.ChunkedArray, name: str) -> bool:
    """Return whether a required column has the values that readers rely on."""
    if values.null_count == len(values):
        return name == "correct" or not len(values)
    match name:
        case "correct":
            return pa.types.is_boolean(values.type)
        case "question_id":
            return pa.types.is_integer(values.type) and not values.null_count
        case _:
            return is_text(values.type) and not values.null_count


def text_column(table: pa.Table, name: str) -> list[str]:
    """Return a column of texts; empty texts where there is no such column, or no text."""
    if name not in table.column_names:
        return [""] * table.num_rows
    return [text or "" for text in table.column(name).to_pylist()]

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.cli import main

CHOICES = ["Aspirin", "Ibuprofen"]
ROWS: list[dict[str, Any]] = [
    {"text": "Answer: B", "choices": CHOICES, "finish_reason": "stop", "thinking_opened": False},
    {"text": "Answer: B", "choices": CHOICES, "finish_reason": "length", "thinking_opened": False},
    {"text": "Answer: B", "choices": CHOICES, "finish_reason": None, "thinking_opened": True},
    {"text": "Answer: A or B", "choices": CHOICES, "finish_reason": None, "thinking_opened": None},
    {"text": None, "choices": CHOICES, "finish_reason": None, "thinking_opened": None},
]
READ = [
    {"letter": "B", "state": "read", "rule": "line"},
    {"letter": None, "state": "unfinished", "rule": None},
    {"letter": None, "state": "unfinished", "rule": None},
    {"letter": None, "state": "unreadable", "rule": "line"},
    {"letter": None, "state": "empty", "rule": None},
]


@pytest.mark.parametrize("name", ["answers.parquet", "answers.jsonl"])
def test_each_row_gives_a_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    else:
        file.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert main(["read", str(file), "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == READ
    assert main(["read", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1: B (line)", "2: unfinished"]
    assert lines[-1] == "1 of 5 answers were read by evalboard-1."


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no rows"),
        (b"Answer: B", "Line 1 of"),
        (b"[]", "not an object"),
        (b'{"choices": ["a"]}', "column 'text' is missing"),
        (b'{"text": "B"}', "column 'choices' is missing"),
        (b'{"text": 1, "choices": ["a"]}', "must be texts"),
        (b'{"text": "B", "choices": "AB"}', "must be a list of texts"),
        (b'{"text": "B", "choices": []}', "1 to 26 choices"),
        (b'{"text": "B", "choices": ["a"], "thinking_opened": "no"}', "true or false"),
        (b"PAR1 is not all", "broken Parquet"),
        (b"\xff\xfe", "neither Parquet nor text"),
    ],
)
def test_a_wrong_file_is_explained(
    content: bytes, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answers"
    file.write_bytes(content)
    assert main(["read", str(file)]) == 2
    assert complaint in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err

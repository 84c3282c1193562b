"""A file of JSON lines, each with its checksum, to which several processes add.

Lines that are damaged are not believed: the file is moved aside, and a new one takes its good lines.
"""

import fcntl
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evalboard.files import append_whole, set_aside, write_whole

DIGITS = 8
"""Of the checksum, the CRC-32 of the JSON in hexadecimal."""


def read_lines(path: Path) -> Iterator[Any]:
    """Yield what the good lines of a file contain; nothing where there is no file.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    lines = content.splitlines(keepends=True)
    good = [line for line in lines if _is_good(line)]
    if len(good) < len(lines):
        problem = f"{len(lines) - len(good)} of {len(lines)} lines are damaged"
        set_aside(path, problem, content, keep=b"".join(good))
    for line in good:
        yield json.loads(line[DIGITS:])


def add_lines(path: Path, values: Iterable[Any]) -> None:
    """Append to a file.

    Raises:
        OSError: The file cannot be written; then nothing was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        append_whole(file, b"".join(map(_line, values)))
    finally:
        os.close(file)


def replace_lines(path: Path, values: Iterable[Any]) -> None:
    """Replace a file; lines that another process adds meanwhile are lost.

    Raises:
        OSError: The file cannot be written.
    """
    write_whole(path, b"".join(map(_line, values)))


def _line(value: Any) -> bytes:
    text = json.dumps(value, separators=(",", ":")).encode()
    return b"%08x%s\n" % (zlib.crc32(text), text)


def _is_good(line: bytes) -> bool:
    return line.endswith(b"\n") and line[:DIGITS] == b"%08x" % zlib.crc32(line[DIGITS:-1])

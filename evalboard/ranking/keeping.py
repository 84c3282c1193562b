"""The last ranking of a large board as one file, so that the next one compares only changed rows.

A sha256, and an archive of numpy: the names of the rows and columns as JSON, and the arrays of each
column, answers that are right or wrong as bits.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.ranking.comparing import Column, Stratum
from evalboard.ranking.entries import Average, Entries
from evalboard.ranking.ranges import Counts, Earlier

VERSION = 1
_ARRAYS = ("scores", "answered", "stderrs", "peers")


class KeptRanking(NamedTuple):
    """A ranking, and the files of the answers that it compared."""

    ranked: Earlier
    blobs: Mapping[str, Sequence[str]]
    """By key of a column, for every row the blob id of its compact answers; empty for none."""


def to_bytes(kept: KeptRanking) -> bytes:
    """Return the content of the file."""
    (names, columns, average), counts = kept.ranked
    arrays: dict[str, NDArray[Any]] = {"average": average.scores}
    described: list[dict[str, Any]] = []
    for column in columns:
        arrays |= {f"{column.key} {name}": getattr(column, name) for name in _ARRAYS}
        is_bits = column.answers.dtype == np.bool_
        arrays[f"{column.key} answers"] = (
            np.packbits(column.answers.astype(np.bool_), axis=1) if is_bits else column.answers
        )
        arrays[f"{column.key} blobs"] = np.array(kept.blobs[column.key], "S40")
        described.append(
            {"key": column.key, "is_bits": is_bits, "questions": column.questions}
            | {"strata": [list(stratum) for stratum in column.strata]}
        )
    for key, (better, worse) in counts.items():
        arrays |= {f"{key} better": better, f"{key} worse": worse}
    head = {"version": VERSION, "names": list(names), "columns": described}
    head |= {"weights": dict(average.weights), "counted": list(counts)}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **arrays)
    content = sink.getvalue()
    return hashlib.sha256(content).digest() + content


def from_bytes(content: bytes) -> KeptRanking:
    """Read the file.

    Raises:
        ValueError: It is damaged, or of another version.
    """
    digest, stored = content[:32], content[32:]
    if hashlib.sha256(stored).digest() != digest:
        raise ValueError("it is damaged")
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        return _read(arrays)


def _read(arrays: Mapping[str, NDArray[Any]]) -> KeptRanking:
    head = json.loads(arrays["head"].tobytes())
    if head["version"] != VERSION:
        raise ValueError(f"its version is {head['version']!r}")
    columns = [_read_column(arrays, described) for described in head["columns"]]
    average = Average(arrays["average"], head["weights"])
    counts = {
        key: Counts(arrays[f"{key} better"], arrays[f"{key} worse"]) for key in head["counted"]
    }
    blobs = {c.key: arrays[f"{c.key} blobs"].astype("U40").tolist() for c in columns}
    return KeptRanking(Earlier(Entries(head["names"], columns, average), counts), blobs)


def _read_column(arrays: Mapping[str, NDArray[Any]], described: Mapping[str, Any]) -> Column:
    key = described["key"]
    strata = tuple(Stratum(*stratum) for stratum in described["strata"])
    answers = arrays[f"{key} answers"]
    if described["is_bits"]:
        questions = strata[-1].stop if strata else 0
        answers = np.unpackbits(answers, axis=1, count=questions).view(np.bool_)
    own = {name: arrays[f"{key} {name}"] for name in _ARRAYS}
    return Column(key=key, answers=answers, strata=strata, questions=described["questions"], **own)

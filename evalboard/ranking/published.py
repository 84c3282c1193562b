"""What a board compares its rows from, as one file that is mapped into memory: `answers.bin`.

The viewer asks it for the ranks among some rows of a board, and whether two of them are told apart.

Eight bytes with the length of the head, the head (JSON), and the arrays that it names, each at a multiple of
eight bytes. Rows are in the order of the hashes of their names. Answers that are right or wrong take one
bit each; others are as in `Column`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalboard.ranking.comparing import Column, Stratum
from evalboard.ranking.entries import AVERAGE, Average, Entries
from evalboard.ranking.limits import critical_value, holm_limits
from evalboard.ranking.ranges import HOLM_ROWS, ROWS_PER_BLOCK, Ranking, leads_of_first, rank

VERSION = 1
_ALIGNED = 8
_COLUMN_TYPES = {"scores": "<f8", "answered": "|b1", "stderrs": "<f4", "peers": "<i4"}


def to_bytes(entries: Entries) -> bytes:
    """Return the content of the file. The same rows in another order give the same bytes."""
    hashes = _hashes(entries.names)
    order = np.argsort(hashes)
    parts: list[bytes] = []
    named: dict[str, tuple[int, str, tuple[int, ...]]] = {}

    def put(name: str, values: NDArray[Any], dtype: str) -> None:
        content = np.ascontiguousarray(values[order], dtype).tobytes()
        named[name] = (sum(map(len, parts)), dtype, values.shape)
        parts.append(content + bytes(-len(content) % _ALIGNED))

    put("names", hashes, "<u8")
    put("average", entries.average.scores, "<f8")
    described: list[dict[str, Any]] = []
    for column in entries.columns:
        is_bits = column.answers.dtype == np.bool_
        _, kinds = np.unique(column.peers, return_inverse=True)
        for name, dtype in _COLUMN_TYPES.items():
            put(f"{column.key} {name}", kinds if name == "peers" else getattr(column, name), dtype)
        packed = np.packbits(column.answers.astype(np.bool_), axis=1) if is_bits else column.answers
        put(f"{column.key} answers", packed, "|u1" if is_bits else packed.dtype.str)
        strata = [list(stratum) for stratum in column.strata]
        described.append({"key": column.key, "is_bits": is_bits, "strata": strata})
    head = {"version": VERSION, "weights": dict(entries.average.weights)}
    text = json.dumps(head | {"columns": described, "arrays": named}).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return len(text).to_bytes(_ALIGNED, "little") + text + b"".join(parts)


class PublishedAnswers:
    """The rows of a published board with all their answers. Only those that are asked for are read."""

    def __init__(self, content: Any) -> None:
        """Read the head.

        Args:
            content: The file: bytes, or a memory map.

        Raises:
            ValueError: It is damaged, or of another version.
        """
        try:
            start = _ALIGNED + int.from_bytes(content[:_ALIGNED], "little")
            head = json.loads(bytes(content[_ALIGNED:start]))
            if head["version"] != VERSION:
                raise ValueError(f"its version is {head['version']!r}")
            self._arrays = {
                name: np.ndarray(shape, dtype, content, start + offset)
                for name, (offset, dtype, shape) in head["arrays"].items()
            }
            self._columns = {described["key"]: described for described in head["columns"]}
            self._weights: dict[str, float] = head["weights"]
        except (KeyError, TypeError) as exc:
            raise ValueError(f"it is damaged: {exc}") from exc

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that have ranks."""
        return (*self._columns, AVERAGE)

    def find(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Return the places of rows by their names, -1 for rows that the file does not have."""
        known, wanted = self._arrays["names"], _hashes(names)
        if not len(known):
            return np.full(len(wanted), -1, np.intp)
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[places] == wanted, places, -1).astype(np.intp)

    def rank(self, places: NDArray[np.intp], key: str) -> Ranking:
        """Rank some rows among each other in one column, or in the average.

        Args:
            places: Of the rows, each once.
            key: Of the column, one of `keys`.
        """
        return rank(self._entries(places, key), keys=[key]).rankings[key]

    def are_told_apart(
        self, first: int, second: int, key: str, among: NDArray[np.intp] | None = None
    ) -> tuple[bool | None, int]:
        """Return whether two rows are told apart among others, and how many rows are compared.

        It is decided as the range of the one with the lower score is made: by all its comparisons.

        Args:
            first: Place of one row.
            second: Place of the other.
            key: Of the column, one of `keys`.
            among: Places of the rows that are compared; None for the whole board.

        Returns:
            None in place of the decision where a row has no score, or both were not measured alike.
        """
        scores = self._scores(key)[[first, second]]
        lower, other = (first, second) if scores[0] < scores[1] else (second, first)
        everyone = np.arange(len(self._arrays["names"])) if among is None else among
        rest = everyone[(everyone != lower) & (everyone != other)]
        parts = [self._leads(lower, others, key) for others in ([other], *_blocks(rest))]
        leads = np.concatenate([lead[peer] for lead, peer in parts])
        if np.isnan(scores).any() or not parts[0][1].all():
            return None, len(leads) + 1
        if len(everyone) <= HOLM_ROWS:
            limit = float(holm_limits(leads[None], np.array([len(leads)]))[0])
        else:
            limit = critical_value(1 << len(leads).bit_length())
        return bool(leads[0] < -limit), len(leads) + 1

    def _leads(
        self, row: int, others: Sequence[int] | NDArray[np.intp], key: str
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return a row's leads over others, in standard errors, and which of these are its peers."""
        return leads_of_first(self._entries(np.array([row, *others], np.intp), key), key)

    def _scores(self, key: str) -> NDArray[np.float64]:
        return self._arrays["average" if key == AVERAGE else f"{key} scores"]

    def _entries(self, places: NDArray[np.intp], key: str) -> Entries:
        keys = [k for k in self._columns if self._weights.get(k)] if key == AVERAGE else [key]
        columns = [self._column(self._columns[k], places) for k in keys]
        average = Average(self._arrays["average"][places], self._weights)
        return Entries([str(place) for place in places], columns, average)

    def _column(self, described: Mapping[str, Any], places: NDArray[np.intp]) -> Column:
        key = described["key"]
        strata = tuple(Stratum(*stratum) for stratum in described["strata"])
        answers = self._arrays[f"{key} answers"][places]
        if described["is_bits"]:
            questions = strata[-1].stop if strata else 0
            answers = np.unpackbits(answers, axis=1, count=questions).view(np.bool_)
        own: dict[str, Any] = {
            name: self._arrays[f"{key} {name}"][places] for name in _COLUMN_TYPES
        }
        return Column(key=key, answers=answers, strata=strata, **own)


def _blocks(places: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(places), ROWS_PER_BLOCK):
        yield places[start : start + ROWS_PER_BLOCK]


def _hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u8")

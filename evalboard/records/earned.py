"""What each question of a benchmark earned: the answers of one model in a compact form.

One small file per score, beside the answers: a line of JSON, then the values, one bit per question, or
two bytes (float16) where a question earns a fraction. A board of 10,000 models and 7,045 questions
is compared from 9 MB of them.
"""

import hashlib
import json
import zlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evalboard.errors import RecordError, first_problem
from evalboard.records.answers import Answers

VERSION = 1


class AnswersName(NamedTuple):
    """Which answers are meant: of all documents in a folder, the newest to a benchmark."""

    folder: str
    """Of the documents; see `identity.document_folder`."""
    benchmark: str
    by_subject: bool
    """Whether the score is the mean of its subjects' scores."""
    is_repeated: bool = False
    """Whether all subjects ask the same questions, so that each earns its mean over them."""


class Earned(NamedTuple):
    """What every question earned, in the order of their numbers; for a group, subject by subject."""

    questions: str
    """sha256 over the numbers and hashes of the questions: files with the same one are of the same
    questions in the same order."""
    parts: tuple[int, ...]
    """Number of questions of every subject of a group, by the subject's name; one number for a task."""
    values: NDArray[Any]
    """Right or wrong (`bool`), or fractions in [0, 1] (`float16`)."""


class _Head(BaseModel):
    """The first line of a file."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(le=VERSION)
    questions: str
    parts: tuple[int, ...]
    is_fraction: bool
    checksum: int
    """CRC-32 of the values."""


def compact(answers: Answers, *, by_subject: bool, is_repeated: bool = False) -> Earned | None:
    """Return what each question earned, None if the answers do not say it.

    Answers of earlier versions do not, where a question earns a fraction.

    Args:
        answers: All answers to a benchmark.
        by_subject: Whether the score is the mean of its subjects' scores.
        is_repeated: Whether all subjects ask the same questions.
    """
    values = _values(answers)
    if values is None or not len(values):
        return None
    if is_repeated:
        return _over_subjects(answers, values)
    subjects = [subject if by_subject else "" for subject, _, _ in answers.questions]
    numbered = [
        (subject, *rest) for subject, (_, *rest) in zip(subjects, answers.questions, strict=True)
    ]
    order = sorted(range(len(numbered)), key=numbered.__getitem__)
    _, sizes = np.unique(np.array(subjects), return_counts=True)
    named = json.dumps([numbered[at] for at in order], separators=(",", ":"))
    digest = hashlib.sha256(named.encode()).hexdigest()
    return Earned(digest, tuple(map(int, sizes)), values[order])


def _over_subjects(answers: Answers, values: NDArray[Any]) -> Earned:
    """Return what each question earned in the mean over the subjects that asked it."""
    order = sorted(range(len(values)), key=lambda at: answers.questions[at][1])
    numbers = [answers.questions[at][1] for at in order]
    _, starts, sizes = np.unique(numbers, return_index=True, return_counts=True)
    means = np.add.reduceat(values[order].astype(np.float64), starts) / sizes
    named = json.dumps([answers.questions[at] for at in order], separators=(",", ":"))
    digest = hashlib.sha256(named.encode()).hexdigest()
    return Earned(digest, (len(means),), means.astype(np.float16))


def _values(answers: Answers) -> NDArray[np.bool_] | NDArray[np.float16] | None:
    if None not in answers.correct:
        return np.array(answers.correct, np.bool_)
    if "earned" not in answers.table.column_names:
        return None
    column = answers.table.column("earned")
    if column.null_count or not pa.types.is_floating(column.type):
        return None
    values = column.to_numpy()
    is_fraction = bool(((values >= 0) & (values <= 1)).all())
    return values.astype(np.float16) if is_fraction else None


def to_bytes(earned: Earned | None) -> bytes:
    """Return the content of a file. None, answers that do not say it, is a file without questions."""
    questions, parts, values = earned or Earned("", (), np.empty(0, np.bool_))
    is_fraction = values.dtype != np.bool_
    content = (
        values.astype("<f2").tobytes()
        if is_fraction
        else np.packbits(values.astype(np.bool_)).tobytes()
    )
    head = _Head(
        version=VERSION,
        questions=questions,
        parts=parts,
        is_fraction=is_fraction,
        checksum=zlib.crc32(content),
    )
    return head.model_dump_json().encode() + b"\n" + content


def from_bytes(content: bytes, *, path: str) -> Earned | None:
    """Read a file; None if it says that the answers do not say what they earned.

    Args:
        content: The file.
        path: Its path, for messages.

    Raises:
        RecordError: The file is damaged, or of a later version.
    """
    line, _, stored = content.partition(b"\n")
    try:
        head = _Head.model_validate_json(line)
    except ValidationError as exc:
        raise RecordError(
            f"Compact answers {path!r} cannot be read: {first_problem(exc)}."
        ) from exc
    count = sum(head.parts)
    size = 2 * count if head.is_fraction else -(-count // 8)
    if len(stored) != size or zlib.crc32(stored) != head.checksum:
        raise RecordError(f"Compact answers {path!r} are damaged.")
    if not count:
        return None
    if head.is_fraction:
        values = np.frombuffer(stored, "<f2").astype(np.float16)
        return Earned(head.questions, head.parts, values)
    bits = np.unpackbits(np.frombuffer(stored, np.uint8), count=count)
    return Earned(head.questions, head.parts, bits.view(np.bool_))

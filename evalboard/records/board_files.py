"""What the viewer reads beside the table itself: `board.json` and `queue.json`.

`answers.bin` is described in `evalboard/ranking/published.py`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from evalboard.records.notice import Notice
from evalboard.records.report import Finding
from evalboard.records.reported import ReportedRow

SCHEMA_VERSION = 1
TABLE_FILE, META_FILE, QUEUE_FILE = "board.parquet", "board.json", "queue.json"
ANSWERS_FILE = "answers.bin"
BOARDS = "boards"
"""Folder of further boards: their files in the board store, and their pages in the viewer."""


class SubjectColumn(BaseModel):
    """One subject of a group."""

    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    title: str
    n: int | None = None
    """Number of questions. Null until a model has been evaluated on it."""


class BenchmarkColumn(BaseModel):
    """One benchmark of the board."""

    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    title: str
    group: str = ""
    n: int | None = None
    """Number of questions. Null until a model has been evaluated on it."""
    fewshot: int
    metric: str
    baseline: float
    """Score of random guessing, a fraction in [0, 1]."""
    share: float | None = None
    """Of the average, a fraction in [0, 1]; null on boards of earlier versions: each alike."""
    smallest_difference: float | None = None
    """Smallest difference of two typical models that is found in 80 % of comparisons, each taken alone
    at a level of 5 %; a fraction. Null with fewer than two models."""
    subjects: tuple[SubjectColumn, ...] = ()
    """Subjects of a group, whose unweighted mean is its score. Empty for a single task."""


class AverageOfBoard(BaseModel):
    """What the average of the board is the mean of."""

    model_config = ConfigDict(frozen=True, extra="allow")

    of: Literal["benchmarks", "groups"] = "benchmarks"
    """`groups`: the mean of each heading's benchmarks first, then the mean of these means."""
    scores: Literal["raw", "normalised"] = "raw"
    smallest_difference: float | None = None
    """As that of a benchmark."""


class Filling(BaseModel):
    """One benchmark that some models of the board do not have."""

    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    title: str
    have: int
    """Number of models with a score, on the questions and the task version of its newest score."""
    of: int
    """Number of models on the board."""


class GoneRow(BaseModel):
    """A row that an earlier build of the board had."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    sha: str
    precision: str = ""
    time: str
    """UTC time of the first build without it."""


class BoardMeta(BaseModel):
    """`board.json`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = Field(default=SCHEMA_VERSION, le=SCHEMA_VERSION)
    """A board of a later version of this project is not read."""
    suite: str
    title: str
    benchmarks: tuple[BenchmarkColumn, ...]
    average: AverageOfBoard = AverageOfBoard()
    filling: tuple[Filling, ...] = ()
    """Benchmarks that not all models have, those of the fewest models first."""
    reported: tuple[ReportedRow, ...] = ()
    """Scores that others report. They are in no rank, and in no row of the table."""
    notices: tuple[Notice, ...] = ()
    """What the operator says of models, and copies that were found."""
    gone: tuple[GoneRow, ...] = ()
    """Rows of earlier builds, those that left last first; the publication adds them."""
    revision: str
    """Revision of the results store that the table was built from."""
    built_at: str
    answers_hash: str = ""
    """sha256 of `answers.bin`; empty on boards of earlier versions, which have none."""
    content_hash: str
    """sha256 of the table's content; the viewer reloads when it changes."""


BenchmarkState = Literal["waiting", "running", "done", "failed"]


class BenchmarkProgress(BaseModel):
    """Progress of one benchmark of one request."""

    model_config = ConfigDict(frozen=True, extra="allow")

    state: BenchmarkState
    done: int = 0
    """Number of answered questions."""
    total: int = 0
    """Total number of questions, 0 while unknown."""
    per_second: float = 0.0
    """Answered questions per second, 0 while unknown."""
    seconds_left: float | None = None
    """Seconds until it is done at this rate, null while unknown."""
    reason: str = ""
    """Why it failed."""


class QueueEntry(BaseModel):
    """One request as the queue page shows it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    request: str
    """Path in the requests store."""
    model: str
    sha8: str
    precision: str
    suite: str = ""
    """Name of the suite, empty for that of the first board."""
    status: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    """Errors of the checks that rejected it; `reason` is their summary."""
    position: int | None = None
    """Position among the pending requests, from 1."""
    attempts: int = 0
    sender: str = ""
    submitted_time: str = ""
    changed_time: str = ""
    """UTC time of the last change of its status."""
    started_time: str | None = None
    benchmarks: dict[str, BenchmarkProgress] = Field(default_factory=dict)
    run_url: str = ""
    priority: int = 0
    """Higher is earlier."""
    code: str = ""
    """Class of the last failure, see `evalboard.errors`; empty for none."""
    log_tail: str = ""
    """Last lines of the failed attempt's log."""
    retry_after: str | None = None
    """UTC time until which a pending request pauses after a failure."""
    seconds_left: float | None = None
    """Expected seconds until it is finished, null while unknown."""

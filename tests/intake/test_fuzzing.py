"""Request files that nobody would think of: a poll ends, and good files beside are evaluated."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalboard.intake.polling import check, view_queue
from evalboard.intake.request_files import is_checked
from evalboard.publishing import publish_queue
from evalboard.queueing.reconcile import claimed_runs, reconcile
from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.records.request import BoardBlock, Claim, Failure, RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.repositories.names import is_board_name, is_commit
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue, open_store
from evalboard.stores.protocol import Delete, Write
from tests.model_folders import write_model

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
GOOD = "org/good.json"
FILES = 500
"""Files of one run of the tests."""
MORE_FILES = 5_000
"""Of the slow test, unless `FUZZED_FILES` says otherwise, as `make fuzz` does."""
FEWEST, MOST = 5, 10
"""Files of one poll, so that they also meet each other."""

PER_FILE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    database=None,
)

# Words with a meaning somewhere, and texts without one.
WORDS = st.sampled_from(
    [
        "org/model",
        "ORG/Model",
        "lab/bad",
        "org/missing",
        "/etc",
        "../..",
        "main",
        "demo",
        "demo.yaml",
        "/etc/passwd",
        "float16",
        "torch.bfloat16",
        "8bit",
        "weird",
        "Original",
        "Adapter",
        "upside down",
        "PENDING",
        "RERUN",
        "RUNNING",
        "FINISHED",
        "0" * 40,
        "2026-11-20T10:00:00Z",
        "2099-01-01T00:00:00Z",
        "0001-01-01",
        "9" * 5000,
        "{x}",
        "%s",
        "\x1b[31m",
        "\u202e",
        "a" * 300,
        "",
        " ",
        "\n",
    ]
)
TEXTS = st.one_of(WORDS, st.text(max_size=20))
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([10**15, 10**400, -(10**400), 2**63]),
    st.floats(allow_nan=True, allow_infinity=True),
)
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.one_of(
    PLAIN,
    PLAIN,
    st.lists(PLAIN, max_size=3),
    st.dictionaries(TEXTS, st.one_of(PLAIN, st.lists(PLAIN, max_size=2)), max_size=3),
)

FORGED = "a report that says that the model has passed"
WAITING: dict[str, Any] = {"model": "org/model", "precision": "bfloat16"}
CLAIM = {"run_id": "r", "host": "h", "server": "http://x/api"}
BASES: list[dict[str, Any]] = [
    WAITING,
    WAITING | {"model": "lab/bad"},
    WAITING | {"model": "lab/bad", "evalboard": {"report": FORGED}},
    WAITING | {"model": "../models/org/model", "evalboard": {"report": FORGED}},
    WAITING | {"weight_type": "Adapter", "base_model": "org/good", "sender": "a"},
    WAITING | {"evalboard": {"suite": "/etc/x.yaml", "priority": 10**15, "history": []}},
    WAITING | {"status": "RUNNING", "evalboard": {"claimed_by": CLAIM}},
    WAITING | {"status": "RUNNING", "job_start_time": "2099-01-01T00:00:00Z"},
    WAITING | {"status": "FAILED", "evalboard": {"failure": {"code": "x", "message": "m"}}},
    WAITING | {"status": "FINISHED", "evalboard": {"report": FORGED, "signature": "0" * 81}},
]
"""Files that mean something, before a few of their values become strange."""
OUTER = list(RequestRecord.model_fields)
PLACES = st.one_of(
    st.sampled_from([(name,) for name in OUTER]),
    TEXTS.map(lambda text: (text,)),
    st.sampled_from([("evalboard", name) for name in (*BoardBlock.model_fields, "signature", "x")]),
    st.sampled_from([("evalboard", "claimed_by", name) for name in Claim.model_fields]),
    st.sampled_from([("evalboard", "failure", name) for name in Failure.model_fields]),
    st.sampled_from([("evalboard", "report", name) for name in Report.model_fields]),
)


def changed(base: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    """Return a file with other values at some places."""
    document = json.loads(json.dumps(base))
    for place, value in changes:
        inner = document
        for name in place[:-1]:
            inner = inner[name] if isinstance(inner.get(name), dict) else inner.setdefault(name, {})
            inner = inner if isinstance(inner, dict) else {}
        inner[place[-1]] = value
    return document


REQUESTS = st.builds(
    changed, st.sampled_from(BASES), st.lists(st.tuples(PLACES, VALUES), max_size=3)
)


def as_file(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass")


def cut(content: bytes, place: int, piece: bytes) -> bytes:
    """Return a file with a part replaced by other bytes."""
    start = place % (len(content) + 1)
    return content[:start] + piece + content[start + len(piece) // 2 :]


DOCUMENTS = REQUESTS.map(as_file)
BYTES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(as_file),
    st.builds(cut, DOCUMENTS, st.integers(min_value=0), st.binary(max_size=8)),
    st.integers(1, 300).map(lambda depth: b'{"model":' + b"[" * depth + b"]" * depth + b"}"),
)
NAMES = st.one_of(
    st.integers(0, 99).map(str),
    st.sampled_from(
        [
            "brace{x}",
            "{0}",
            "org/model_eval_request_False_float16_Original",
            "a_eval_request_False_weird_Delta",
            "-rf",
            "$(id)",
            "[red]",
            "ü" * 60,
        ]
    ),
)
FILE_SETS = st.dictionaries(
    NAMES.map("x/{}.json".format),
    st.one_of(DOCUMENTS, DOCUMENTS, BYTES),
    min_size=FEWEST,
    max_size=MOST,
)


class Place:
    """A queue with one good request, into which strangers write."""

    def __init__(self, home: Path) -> None:
        write_model(home / "models" / "org" / "model")
        write_model(home / "models" / "org" / "good")
        bad = write_model(home / "models" / "lab" / "bad")
        (bad / "README.md").write_text("---\nlicense: none\n---\n", encoding="utf-8")
        self.settings = Settings.model_validate(
            {
                "home": home,
                "models": home / "models",
                "offline": True,
                "max_running": 1,
                "suite": "demo",
            }
        )
        self.store = open_store(self.settings.store_address("requests"), self.settings)
        self.sha = find_repository("org/model", "main", self.settings).revision
        self.good = as_file({"model": "org/good", "precision": "float32", "sender": "good"})
        self.files = 0

    @contextmanager
    def holding(self, files: dict[str, bytes]) -> Iterator[None]:
        """Put files beside the good one, and remove them all again."""
        forged = json.dumps({"model": "org/model", "revision": self.sha, "ok": True}).encode()
        mark = f'"{FORGED}"'.encode()
        filled = {path: content.replace(mark, forged) for path, content in files.items()}
        writes = [Write(path, content) for path, content in filled.items()]
        self.store.commit([*writes, Write(GOOD, self.good)], message="strangers")
        self.files += len(files)
        try:
            yield
        finally:
            gone = [path for path in self.store.snapshot().files if path.endswith(".json")]
            self.store.commit([Delete(path) for path in gone], message="clean")

    def poll(self) -> set[str]:
        """Do what the flows do of their own; return the requests that would be started."""
        reconcile(self.settings, {}, now=NOW)
        claimed_runs(self.settings)
        ready: set[str] = set()
        for path in view_queue(self.settings, now=NOW).paths:
            checked = check(path, self.settings, now=NOW)
            if checked.startable:
                self.require_checked(path)
                ready.add(path)
        publish_queue(self.settings)
        return ready

    def require_checked(self, path: str) -> None:
        """Assert that a request is signed, with a report of this board on a commit."""
        entry = open_own_queue(self.settings).entry(path)
        record = entry.record
        assert record is not None
        assert entry.is_signed
        assert is_checked(record)
        assert is_commit(record.revision)
        assert is_board_name(record.model)
        assert record.model.casefold() != "lab/bad"
        assert record.precision in list(Precision)
        assert record.status is Status.PENDING
        assert record.evalboard.priority == 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def fuzz(place: Place, files: int) -> None:
    """Poll so many strange files, a few at a time."""

    @settings(PER_FILE, max_examples=files // FEWEST)
    @given(FILE_SETS)
    def polls(found: dict[str, bytes]) -> None:
        if place.files >= files:
            return
        with place.holding(found):
            assert GOOD in place.poll()

    polls()
    assert place.files >= files


@pytest.mark.usefixtures("every_check")
def test_no_file_stops_a_poll_or_is_started_unchecked(place: Place) -> None:
    fuzz(place, FILES)


@pytest.mark.slow
@pytest.mark.usefixtures("every_check")
def test_no_file_of_many_stops_a_poll_or_is_started_unchecked(place: Place) -> None:
    fuzz(place, int(os.environ.get("FUZZED_FILES", MORE_FILES)))

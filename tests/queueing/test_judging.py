from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from evalboard.identity import result_folder
from evalboard.queueing.judging import (
    FOREIGN_GRACE,
    GRACE,
    RunEvidence,
    RunState,
    Verdict,
    is_complete,
    judge,
)
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.records.result import ResultDocument
from tests.queueing.conftest import SHA, make
from tests.result_documents import result_document

OLD = timedelta(hours=5)
FRESH = GRACE - timedelta(seconds=1)
CLAIMED = "2026-11-21T08:00:00Z"


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (RunEvidence(RunState.ALIVE, age=OLD), Verdict.LEAVE),
        (RunEvidence(RunState.DEAD, age=OLD), Verdict.RELEASE),
        (RunEvidence(RunState.CANCELLED, age=OLD), Verdict.CANCEL),
        (RunEvidence(RunState.UNKNOWN, age=OLD), Verdict.RELEASE),
        (RunEvidence(RunState.UNKNOWN, age=FRESH), Verdict.LEAVE),
        (RunEvidence(RunState.UNKNOWN, age=GRACE), Verdict.RELEASE),
        (RunEvidence(RunState.UNKNOWN, age=None), Verdict.RELEASE),
        # A server that notices late, and one that does not know the runs of another.
        (RunEvidence(RunState.ALIVE, process_lives=False, age=FRESH), Verdict.RELEASE),
        (RunEvidence(RunState.UNKNOWN, process_lives=True, age=OLD), Verdict.LEAVE),
        (RunEvidence(RunState.UNKNOWN, False, age=OLD), Verdict.ASK),
        (RunEvidence(RunState.UNKNOWN, False, age=FRESH), Verdict.LEAVE),
        (RunEvidence(RunState.UNKNOWN, False, process_lives=True, age=OLD), Verdict.LEAVE),
        (RunEvidence(RunState.UNKNOWN, False, process_lives=False, age=OLD), Verdict.RELEASE),
        # One process may work on several requests, so it may outlive a run.
        (RunEvidence(RunState.DEAD, process_lives=True, age=OLD), Verdict.RELEASE),
    ],
)
def test_what_is_to_be_done(evidence: RunEvidence, verdict: Verdict) -> None:
    assert judge(evidence) is verdict


def test_a_run_that_lives_is_never_released() -> None:
    for asked, lives, age in product((True, False), (True, None), (None, FRESH, OLD)):
        assert judge(RunEvidence(RunState.ALIVE, asked, lives, age)) is Verdict.LEAVE


def test_another_program_has_a_day() -> None:
    young = RunEvidence(age=FOREIGN_GRACE - timedelta(seconds=1))
    assert judge(young, is_ours=False) is Verdict.LEAVE
    assert judge(RunEvidence(age=FOREIGN_GRACE), is_ours=False) is Verdict.RELEASE
    assert judge(RunEvidence(), is_ours=False) is Verdict.RELEASE


def running(**fields: Any) -> RequestRecord:
    block = {"claimed_by": Claim(run_id="r", host="h"), "claimed_time": CLAIMED}
    return make(status=Status.RUNNING, block=block, **fields)


def document(
    *benchmarks: str,
    finished: str = "2026-11-21T09:00:00Z",
    failures: dict[str, Any] | None = None,
    **config: Any,
) -> ResultDocument:
    """A result document of the model, with these benchmarks."""
    return result_document(
        {},
        config={"model_sha": SHA} | config,
        suite="demo",
        benchmark_keys=dict.fromkeys(benchmarks, "key"),
        failures=failures or {},
        finished_time=finished,
    )


EARLIER = "2026-11-20T09:00:00Z"


def test_results_are_complete_when_the_attempt_stored_what_was_missing() -> None:
    assert is_complete(running(), [document("a", "b")], ["a", "b"])
    both = [document("a", finished=EARLIER), document("b")]
    assert is_complete(running(), both, ["a", "b"])
    assert is_complete(running(), [document("a", "b", finished=CLAIMED)], ["a", "b"])


@pytest.mark.parametrize(
    "documents",
    [
        [],
        [document("a")],
        [document("a", "b", finished=EARLIER)],
        [document("a", "b", failures={"b": {"code": "engine_died", "message": ""}})],
        [document("a", "b", model_sha="f" * 40)],
        [document("a", "b", model_dtype="8bit")],
        [document("a", "b", use_chat_template=True)],
        [document("a", "b", base_revision="f" * 40)],
        [document("a", "b", finished="")],
    ],
)
def test_results_are_not_complete(documents: list[ResultDocument]) -> None:
    assert not is_complete(running(), documents, ["a", "b"])


def test_a_request_that_nobody_claimed_is_never_complete() -> None:
    assert not is_complete(make(status=Status.RUNNING), [document("a")], ["a"])


def test_a_request_knows_where_its_results_are() -> None:
    record = running(use_chat_template=True)
    assert result_folder(record.choice, "demo") == f"org/model/{SHA}/float16_Original_chat/demo"

"""What becomes of requests that are wrong, cancelled or done, and of those beside them.

Of runs and engines that are killed, `test_kill.py` tells.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.flow_engine import run_flow_sync
from prefect.states import AwaitingRetry, Completed, Running

from evalboard.cli.queue_round import work
from evalboard.intake.request_files import is_checked
from evalboard.intake.submission import EvaluationRequest, Submission, submit
from evalboard.lifecycle import claim, move
from evalboard.queueing.actions import cancel, requeue
from evalboard.queueing.queries import RequestQuery
from evalboard.records.precision import Precision
from evalboard.records.request import BoardBlock, Claim, RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_queue, open_store
from evalboard.stores.board import read_queue
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from evalboard_prefect.flows.poll_flow import poll_requests
from tests.pipeline.questions import SLICE_ROWS
from tests.pipeline.runs import (
    DEADLINE_SECONDS,
    engines_of,
    let_go,
    start_run,
    wait_until,
)

FORGED = """{"model": "./test/random", "precision": "weird", "likes": NaN, "evalboard": {
    "suite": "/tmp/suite.yaml", "report": {"ok": true, "findings": [], "facts": {}}}}"""


def put(settings: Settings, model: str, *, suite: str = "", revision: str = "main") -> str:
    """Write a request file as another program would, without checks; return its path."""
    record = RequestRecord(
        model=model,
        revision=revision,
        precision=Precision.FLOAT32,
        submitted_time="2026-11-21T10:00:00Z",
        evalboard=BoardBlock(suite=suite),
    )
    return open_queue(settings).add(record)


@pytest.mark.usefixtures("prefect_server", "ray")
def test_wrong_input_is_explained_and_the_rest_of_the_queue_goes_on(
    configure: Callable[..., Settings],
    small_suite: Path,
    sliced_datasets: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "cais").symlink_to(sliced_datasets(SLICE_ROWS) / "cais")
    settings = configure(suite=str(small_suite), backend="hf", datasets=mirror)
    missing = put(settings, "test/nowhere")
    pickled = put(settings, "test/pickled")
    elsewhere = put(settings, "test/always-a", suite="no-such-suite")
    good = put(settings, "test/random")
    corrupt = Path(settings.store_address("requests")) / "test" / "corrupt.json"
    corrupt.write_text('{"model": "test/corrupt", ', encoding="utf-8")
    strange = {name: corrupt.with_name(name) for name in ("brace{x}.json", "{0}.json")}
    for file in strange.values():  # their names would be templates, and their reports a pass
        file.write_text(FORGED, encoding="utf-8")

    work(settings)

    queue = {entry.request: entry for entry in read_queue(open_board(settings))}
    assert "test/nowhere" in queue[missing].reason
    assert "safetensors" in queue[pickled].reason
    assert "no-such-suite" in queue[elsewhere].reason
    assert "JSON" in queue["test/corrupt.json"].reason
    rejected = (missing, pickled, elsewhere, "test/corrupt.json", *map("test/{}".format, strange))
    assert {queue[path].status for path in rejected} == {Status.REJECTED}
    # One benchmark has no questions in the mirror: it is named, and the others are stored.
    assert queue[good].status == Status.FAILED
    assert "pubmedqa" in queue[good].reason
    states = {key: progress.state for key, progress in queue[good].benchmarks.items()}
    assert states == {
        "mmlu_anatomy": "done",
        "mmlu_medical_genetics": "done",
        "pubmedqa": "failed",
    }
    (document,) = open_archive(settings).read().documents
    assert set(document.results) == {"mmlu_anatomy", "mmlu_medical_genetics"}
    assert document.evalboard.failures["pubmedqa"]["code"] == "data_missing"


@pytest.mark.usefixtures("prefect_server")
def test_a_poll_can_check_what_has_no_place_yet(
    configure: Callable[..., Settings], small_suite: Path
) -> None:
    settings = configure(suite=str(small_suite))
    paths = [put(settings, f"test/{name}") for name in ("always-a", "random")]
    assert poll_requests(start_runs=False, at_most=0, ahead=1) == []
    queue = open_queue(settings)
    assert [is_checked(queue.get(path)) for path in paths] == [True, False]
    (checked,) = poll_requests(start_runs=False, at_most=1)
    assert checked.path == paths[0]


@pytest.mark.usefixtures("prefect_server")
def test_run_that_loses_the_claim_ends_cancelled_and_changes_nothing(
    configure: Callable[..., Settings], small_suite: Path
) -> None:
    settings = configure(suite=str(small_suite))
    sha = find_repository("test/random", "main", settings).revision
    path = put(settings, "test/random", suite="small", revision=sha)
    queue = open_queue(settings)
    other = Claim(run_id="other", host="elsewhere")
    held = queue.change(path, lambda r: claim(r, other, now=datetime.now(UTC)), message="test")
    request = EvaluationRequest(model="test/random", revision=sha, precision=Precision.FLOAT32)
    run: Any = evaluate_model
    state = run(request, return_state=True)
    assert state.is_cancelled()
    assert "other" in state.message
    assert queue.get(path) == held


@pytest.mark.usefixtures("prefect_server")
def test_the_button_retry_of_a_run_that_is_finished_leaves_everything_as_it_is(
    configure: Callable[..., Settings], small_suite: Path
) -> None:
    settings = configure(suite=str(small_suite))
    sha = find_repository("test/random", "main", settings).revision
    request = EvaluationRequest(model="test/random", revision=sha, precision=Precision.FLOAT32)
    path = put(settings, request.model, suite="small", revision=sha)
    queue = open_queue(settings)
    now, first = datetime.now(UTC), Claim(run_id="first", host="elsewhere")
    queue.change(path, lambda r: claim(r, first, now=now), message="test")
    finished = queue.change(path, lambda r: move(r, Status.FINISHED, now=now), message="test")
    deployment: Any = evaluate_model.to_deployment("retried")
    deployment_id = deployment.apply()
    parameters = {"request": request.model_dump(mode="json")}
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
        for state in (Running(), Completed(message="done"), AwaitingRetry()):
            client.set_flow_run_state(run.id, state)
        retried = client.read_flow_run(run.id)
        another = client.read_flow_run(
            client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id
        )
    states = [
        run_flow_sync(evaluate_model, each, {"request": request}, return_type="state")
        for each in (retried, another)
    ]
    assert [each and each.type for each in states] == [StateType.COMPLETED, StateType.CANCELLED]
    assert queue.get(path) == finished


@pytest.mark.usefixtures("ray")
@pytest.mark.slow
def test_cancelled_run_frees_its_engine_and_goes_on_when_it_is_started_again(
    configure: Callable[..., Settings], small_suite: Path, shared_server: str
) -> None:
    settings = configure(
        suite=str(small_suite), backend="hf", max_running=1, prefect_api_url=shared_server
    )
    path = submit(
        Submission(model="test/random", precision=Precision.FLOAT32), settings
    ).request_path
    assert path is not None
    run = start_run(settings, hold="evaluate=2")
    wait_until(lambda: any((settings.work_folder / "outcomes").glob("*.json")), run)
    (engine,) = engines_of(run)

    cancel([RequestQuery("test/random")], settings, now=datetime.now(UTC))

    wait_until(lambda: not engine.is_running(), run)
    let_go(settings)
    assert run.wait(DEADLINE_SECONDS) == 0
    queue = open_queue(settings)
    assert queue.get(path).status is Status.CANCELLED

    requeue([RequestQuery(path)], settings, now=datetime.now(UTC))
    assert [ended.status for ended in work(settings)] == [Status.FINISHED]


@pytest.mark.usefixtures("prefect_server", "ray")
def test_second_run_does_nothing_twice(
    configure: Callable[..., Settings], small_suite: Path
) -> None:
    settings = configure(suite=str(small_suite), backend="hf", max_running=1)
    submit(Submission(model="test/random", precision=Precision.FLOAT32), settings)
    assert [ended.status for ended in work(settings)] == [Status.FINISHED]
    board = Path(settings.store_address("board")) / "board.parquet"
    results = open_store(settings.store_address("results"), settings).snapshot().revision
    written = board.stat().st_mtime_ns
    assert work(settings) == []
    assert open_store(settings.store_address("results"), settings).snapshot().revision == results
    assert board.stat().st_mtime_ns == written

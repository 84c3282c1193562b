"""Tasks that read and change the queue."""

from datetime import UTC, datetime
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.deployments import run_deployment

from evalboard import polling, publishing
from evalboard.settings import load_settings

EVALUATE_DEPLOYMENT = "evaluate-model/evaluate-model"


@task(name="Release dead claims", cache_policy=NO_CACHE)
def release_dead_claims() -> list[str]:
    """Make requests pending again whose run is gone."""
    released = polling.release_dead_claims(load_settings(), now=datetime.now(UTC))
    for path in released:
        get_run_logger().warning("%s was claimed by a run that is gone: pending again", path)
    return released


@task(name="Read queue", cache_policy=NO_CACHE)
def read_queue() -> polling.Waiting:
    """Return the pending requests in order."""
    waiting = polling.waiting(load_settings())
    get_run_logger().info("%d pending, %d free slots", len(waiting.paths), waiting.free_slots)
    return waiting


@task(name="Check", cache_policy=NO_CACHE)
def check_request(path: str) -> polling.Checked:
    """Check one pending request; reject it with the report, or pin it."""
    checked = polling.check(path, load_settings(), now=datetime.now(UTC))
    if checked.report and not checked.report.ok:
        get_run_logger().warning("%s rejected: %s", path, checked.report.summary())
    return checked


@task(name="Start evaluation", cache_policy=NO_CACHE)
def start_evaluation(checked: polling.Checked) -> str:
    """Start one evaluation as a flow run of its own, at most once per attempt; return its id."""
    assert checked.request is not None
    run: Any = run_deployment(  # a coroutine in asynchronous callers only
        EVALUATE_DEPLOYMENT,
        parameters={"request": checked.request.model_dump(mode="json")},
        timeout=0,
        idempotency_key=f"{checked.path}:{checked.attempt}",
        as_subflow=False,
    )
    get_run_logger().info("%s started as run %s", checked.path, run.id)
    return str(run.id)


@task(name="Publish queue", cache_policy=NO_CACHE)
def publish_queue() -> bool:
    """Write the queue file when it changed."""
    return publishing.publish_queue(load_settings())


@task(name="Publish board", cache_policy=NO_CACHE)
def publish_board() -> bool:
    """Build the table and write it when it changed."""
    changed = publishing.publish_board(load_settings(), now=datetime.now(UTC))
    get_run_logger().info("board changed" if changed else "board unchanged")
    return changed

from uuid import UUID

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.runtime import flow_run

from evalboard.records.board_files import BenchmarkProgress
from evalboard_prefect.tasks.progress_artifact import ProgressArtifact


@task
def show(*steps: BenchmarkProgress) -> None:
    artifact = ProgressArtifact("mmlu_anatomy")
    for step in steps:
        artifact.show(step)


@flow
def shows() -> UUID:
    show(
        BenchmarkProgress(state="running"),
        BenchmarkProgress(state="running", done=27, total=135, per_second=9.0, seconds_left=12.0),
        BenchmarkProgress(state="done", done=135, total=135),
    )
    return UUID(flow_run.id)


@pytest.mark.usefixtures("prefect_server")
def test_progress_is_an_artifact_that_follows_the_benchmark() -> None:
    run = shows()
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        (artifact,) = client.read_artifacts(artifact_filter=of_run)
    assert artifact.type == "progress"
    assert artifact.data == 100
    assert artifact.description == "135 of 135 questions"
    assert artifact.key == "mmlu-anatomy"
    assert artifact.task_run_id

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from evalboard.records.table import BenchmarkProgress
from tasks.progress import ProgressArtifact


@task
def show(*steps: BenchmarkProgress) -> None:
    artifact = ProgressArtifact("mmlu_anatomy")
    for step in steps:
        artifact.show(step)


@flow
def shows() -> None:
    show(
        BenchmarkProgress(state="running"),
        BenchmarkProgress(state="running", done=27, total=135, per_second=9.0, seconds_left=12.0),
        BenchmarkProgress(state="done", done=135, total=135),
    )


@pytest.mark.usefixtures("prefect_server")
def test_progress_is_an_artifact_that_follows_the_benchmark() -> None:
    shows()
    with get_client(sync_client=True) as client:
        named = ArtifactFilter(key=ArtifactFilterKey(any_=["mmlu-anatomy"]))
        (artifact,) = client.read_artifacts(artifact_filter=named)
    assert artifact.type == "progress"
    assert artifact.data == 100
    assert artifact.description == "135 of 135 questions"
    assert artifact.task_run_id
    assert artifact.flow_run_id

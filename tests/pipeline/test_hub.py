"""The whole pipeline with all of its stores on a Hub, which is the small one of the tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from evalboard import publishing
from evalboard.cli.queue_round import work
from evalboard.errors import StoreRefused
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_own_queue, open_queue
from evalboard.stores.board import read_queue
from leaderboard_app.app import make_viewers
from tests.hub.server import SmallHub, Token
from tests.pipeline.runs import STORES

# The Hub's client sends large files in a way that its HTTP library gives up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


def on_hub(
    hub: SmallHub, configure: Callable[..., Settings], suite: Path, *, token: str = "secret"
) -> Settings:
    """Return settings of a board with all of its stores on the Hub."""
    return configure(
        suite=str(suite),
        backend="hf",
        max_running=1,
        offline=False,
        hub_endpoint=hub.address,
        hf_token=SecretStr(token),
        **{name: f"hf://datasets/org/{name}" for name in STORES},
    )


@pytest.mark.usefixtures("prefect_server", "ray")
def test_a_token_that_may_only_read_ends_the_work_with_its_sentence(
    hub: SmallHub, configure: Callable[..., Settings], small_suite: Path
) -> None:
    settings = on_hub(hub, configure, small_suite)
    own = open_own_queue(settings)
    own.add(RequestRecord(model="test/random", precision=Precision.FLOAT32))
    hub.tokens["reader"] = Token("somebody", ("org",), write=False)
    settings = on_hub(hub, configure, small_suite, token="reader")
    with pytest.raises(StoreRefused, match="write access"):
        work(settings)
    (entry,) = own.entries()
    assert entry.record is not None
    assert entry.record.status is Status.PENDING
    assert entry.record.evalboard.report is None


@pytest.mark.usefixtures("prefect_server", "ray")
def test_board_on_the_hub_from_submission_to_viewer(
    hub: SmallHub,
    configure: Callable[..., Settings],
    small_suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In place of the minute between two commits of the board.
    monkeypatch.setattr(publishing, "HOSTED_SECONDS", 1.0)
    settings = on_hub(hub, configure, small_suite)
    path = submit(
        Submission(model="test/random", precision=Precision.FLOAT32), settings
    ).request_path
    assert path is not None

    assert [ended.status for ended in work(settings)] == [Status.FINISHED]

    # Another machine, which has nothing of it yet.
    elsewhere = settings.model_copy(update={"home": tmp_path / "elsewhere", "work": None})
    record = open_queue(elsewhere).get(path)
    assert record.status is Status.FINISHED
    assert [entry.status for entry in record.evalboard.history] == [
        Status.PENDING,
        Status.RUNNING,
        Status.FINISHED,
    ]
    (document,) = open_archive(elsewhere).read().documents
    assert set(document.results) == {"mmlu_anatomy", "mmlu_medical_genetics", "pubmedqa"}
    (entry,) = read_queue(open_board(elsewhere))
    assert entry.status == Status.FINISHED
    (viewer,) = make_viewers(elsewhere)
    assert viewer.board.current().table["model"].to_pylist() == ["test/random"]
    # Beside the first: the submission, the name of the signing key, the claim and the end.
    assert len(hub.repo("org/requests").history) == 1 + 4
    assert len(hub.repo("org/results").history) == 1 + 1

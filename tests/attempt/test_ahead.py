"""The files of the next request are there before its turn, and only while others are evaluated."""

from datetime import UTC, datetime

import pytest

from evalboard.attempt.ahead import Prepared, prepare_next
from evalboard.engine.spec import EngineSpec
from evalboard.errors import ModelGated
from evalboard.lifecycle import claim
from evalboard.queueing.claims import server_name
from evalboard.records.report import Report
from evalboard.records.request import BoardBlock, Claim, RequestRecord, Status
from evalboard.records.result import ModelConfig
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue
from evalboard.suites.loader import load_suite
from tests.repositories.conftest import FILES, SHA, SmallHub, hub, hub_settings
from tests.result_documents import result_document
from tests.signing import put_signed
from tests.stand_in_engine import outcome_of

__all__ = ["hub", "hub_settings"]  # fixtures
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
WEIGHTS = f"GET /org/model/resolve/{SHA}/model.safetensors"


@pytest.fixture
def settings(hub_settings: Settings) -> Settings:
    return hub_settings.model_copy(update={"suite": "demo"})


@pytest.fixture
def waiting(settings: Settings) -> str:
    """A request that has passed its checks."""
    report = Report(model="org/model", revision=SHA, findings=())
    block = BoardBlock(report=report.to_document(), suite="demo")
    record = RequestRecord(model="org/model", revision=SHA, precision="float32", evalboard=block)
    return put_signed(settings, record)


def put_running(settings: Settings) -> None:
    mine = Claim(run_id="1", host="h", server=server_name(settings))
    record = RequestRecord(model="org/other", revision="a" * 40, precision="float32")
    put_signed(settings, claim(record, mine, now=NOW))


def test_the_next_model_is_downloaded_once_while_another_is_evaluated(
    settings: Settings, waiting: str, hub: SmallHub
) -> None:
    prepared: Prepared = set()
    prepare_next(settings, prepared, now=NOW)
    assert WEIGHTS not in hub.requests
    put_running(settings)
    prepare_next(settings, prepared, now=NOW)
    assert hub.requests.count(WEIGHTS) == 1
    asked = len(hub.requests)
    prepare_next(settings, prepared, now=NOW)
    assert len(hub.requests) == asked
    assert open_queue(settings).get(waiting).status is Status.PENDING
    folder = find_repository("org/model", SHA, settings).weights()
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert hub.requests.count(WEIGHTS) == 1


@pytest.mark.usefixtures("stand_in_engines")
@pytest.mark.parametrize("stored", ["all", "all but one"])
def test_files_are_found_only_for_a_model_that_has_something_to_answer(
    stored: str, settings: Settings, waiting: str
) -> None:
    put_running(settings)
    own = settings.work_folder / "compiled" / SHA
    own.mkdir(parents=True)
    (settings.work_folder / "logs").symlink_to(own)  # beside its log a stand-in notes its calls
    record = open_queue(settings).get(waiting)
    names = [benchmark.key for benchmark in load_suite("demo").benchmarks]
    keys = {name: outcome_of(name).key for name in names}
    document = result_document(
        dict.fromkeys(names, {"acc,none": 0.5}),
        config=ModelConfig.choice_fields(record.choice),
        suite="demo",
        benchmark_keys=keys if stored == "all" else dict(list(keys.items())[1:]),
    )
    open_archive(settings).add(document, {})
    found: list[EngineSpec] = []
    prepare_next(settings, set(), now=NOW, find_files=found.append)
    assert [spec.model for spec in found] == ([] if stored == "all" else ["org/model"])


def test_a_download_that_fails_is_not_tried_again_ahead_of_its_turn(
    settings: Settings, waiting: str, hub: SmallHub
) -> None:
    put_running(settings)
    hub.gated = True
    prepared: Prepared = set()
    with pytest.raises(ModelGated):
        prepare_next(settings, prepared, now=NOW)
    prepare_next(settings, prepared, now=NOW)
    assert open_queue(settings).get(waiting).status is Status.PENDING

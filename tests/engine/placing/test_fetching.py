"""Questions that are not in the mirror, for a real engine that has no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.engine.placing.keeping import WorkKeeper
from evalboard.engine.placing.local_engine import LocalEngine
from evalboard.engine.placing.placement import EngineHandle
from evalboard.errors import ModelNotFound
from evalboard.suites.model import Benchmark, DataSource, Suite
from tests.engine_specs import engine_spec
from tests.validation.corpus.material import write_good

QUESTIONS = [
    {"question": f"Which bone is number {n}?", "choices": list("abcd"), "answer": n % 4}
    for n in range(3)
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineHandle]:
    model = tmp_path / "models" / "test" / "model"
    model.mkdir(parents=True)
    write_good(model)
    file = tmp_path / "elsewhere.parquet"
    pq.write_table(pa.Table.from_pylist(QUESTIONS), file)
    present, absent = (
        Benchmark(
            key=key, title=key, task=f"mmlu_{key}", source=DataSource(files={"test": str(path)})
        )
        for key, path in (("anatomy", file), ("virology", tmp_path / "absent.parquet"))
    )
    spec = engine_spec(
        tmp_path,
        settings={"models": tmp_path / "models", "offline": False},
        folder=model,
        revision="main",
        is_only_run=True,
        suite=Suite(name="two", title="Two", benchmarks=(present, absent)),
        benchmarks=("anatomy", "virology"),
    )
    handle = EngineHandle(spec)
    yield handle
    handle.close()


def test_another_process_fetches_them_and_the_plan_says_what_is_nowhere(
    engine: EngineHandle, tmp_path: Path
) -> None:
    (anatomy, virology), _ = engine.plan()
    assert (anatomy.n, anatomy.problem) == (len(QUESTIONS), None)
    assert virology.problem
    assert virology.problem["code"] == "data_missing"
    assert "absent.parquet" in virology.problem["message"]
    (folder,) = (tmp_path / "work" / "questions").iterdir()
    assert [file.name for file in folder.iterdir()] == ["test.parquet"]


def test_the_time_for_files_is_not_that_of_a_start(
    engine: EngineHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: dict[str, float] = {}
    whole = LocalEngine.call

    def noted(self: LocalEngine, method: str, args: Any, seconds: float, on_wait: Any) -> Any:
        limits[method] = seconds
        return whole(self, method, args, seconds, on_wait)

    monkeypatch.setattr(LocalEngine, "call", noted)
    engine.load()
    settings = engine.spec.settings
    assert limits == {
        "find_files": settings.engine_place_timeout_seconds,
        "load": settings.engine_start_timeout_seconds,
    }


def test_what_is_wrong_with_the_files_is_said_when_they_are_loaded(tmp_path: Path) -> None:
    keeper = WorkKeeper(engine_spec(tmp_path), tmp_path / "view", lambda _: None)
    keeper.find_loadable_files()
    with pytest.raises(ModelNotFound):
        keeper.serve_loadable_files()
